"""Clauses -> instructions: what each takes over from the one before it, what is repeated, changed, left out and refused."""

import math
from dataclasses import replace

from kinesis_control.motion.instruction import Instruction, Skill, Unit
from kinesis_control.motion.words.checks import check
from kinesis_control.motion.words.clause import Amount, Clause
from kinesis_control.motion.words.going import Going
from kinesis_control.motion.words.lexicon import FAST, SLOW, Verb
from kinesis_control.motion.words.meant import MAX_INSTRUCTIONS, TURNERS, WALKERS, Meant, RefusalError
from kinesis_control.motion.words.order import in_order


class Interpreter(Going):
    """Decides clause by clause."""

    def interpret(self, clauses: list[Clause]) -> Meant:
        """All of them, in the order in which they are to be done."""
        ordered = in_order(clauses)
        for clause, self.following in zip(ordered, [*ordered, None][1:], strict=True):
            try:
                self._clause(clause)
            except RefusalError as refusal:
                self.meant.refusals.append((" ".join(clause.said), refusal.why, refusal.nearest))
            if len(self.meant.instructions) > MAX_INSTRUCTIONS:
                self.meant.refusals.append((" ".join(clause.said), f"that comes to more than {MAX_INSTRUCTIONS} movements", ""))
                break
        return self.meant

    def _clause(self, c: Clause) -> None:
        check(c, self.caption)
        if c.negated:
            self._negated(c)
            return
        if c.connector == "until":
            if "told" in c.extra or c.kind in (Verb.STOP, Verb.STAND):
                return
            raise RefusalError("'until ...' is not known; say how far or how long")
        self._note(c)
        named = c.kind or c.shape or c.directions or c.amounts or c.does or c.steps or c.times or c.extra or c.ending
        if not named and (c.styles or c.body) and c.bare is None and c.pace == 1.0 and (self.meant.instructions or self.following is not None):
            self.meant.undone += [f"on the {b}" for b in c.body]
            return
        if self._repeats(c):
            return
        if c.ending and c.kind in (Verb.SLOWER, None) and not c.directions:
            self._append(c, [Instruction(skill=Skill.STAND)])
            return
        if c.kind in (Verb.FASTER, Verb.SLOWER) or (c.comparative and self._is_change(c)):
            self._change(c)
            return
        if c.kind is None and not c.shape and self._completes(c):
            return
        self._inherit(c)
        made = self._made(c)
        if c.ending:
            made = [*made, Instruction(skill=Skill.STAND)]
        self._append(c, made)

    def _append(self, c: Clause, made: list[Instruction]) -> None:
        times = c.times or 1.0
        if times > 1.0 and len(made) == 1 and made[0].unit in (None, Unit.STEP) and c.kind in (Verb.STEP, Verb.SIDE) and (made[0].amount or 1.0) == 1.0:
            made, times = [replace(made[0], amount=times, unit=Unit.STEP)], 1.0
        if times != int(times) or times * max(len(made), 1) > MAX_INSTRUCTIONS:
            raise RefusalError(f"{times:g} times is not a number of repetitions that can be done; 1 to {MAX_INSTRUCTIONS} are")
        if made and made[0].skill is Skill.STAND and self.meant.instructions and self.meant.instructions[-1] == Instruction(skill=Skill.STAND):
            self.meant.instructions.pop()  # "stops and stands still" is one stand
        self.meant.groups.append(len(self.meant.instructions))
        self.meant.instructions += made * int(times)
        self.last = c

    def _note(self, c: Clause) -> None:
        self.meant.undone += [s for s in c.styles if s not in self.meant.undone]
        for word in c.extra:
            if word.startswith("range "):
                self.meant.take(f"the first of the two numbers, {word[6:]}")
        if c.place:
            self.meant.undone.append(f"the place '{' '.join(c.place)}' is not known")
        for amount in c.amounts:
            if amount.vague and amount.value is not None:
                self.meant.take(f"'{amount.vague}' as {amount.value:g} {amount.unit}")

    def _negated(self, c: Clause) -> None:
        """What is not to be done is left out; only "do not move" asks for something."""
        if c.kind in (Verb.MOVE, Verb.WALK, Verb.RUN) and not c.directions and not self.meant.instructions and self.following is None:
            self._append(c, [Instruction(skill=Skill.STAND)])
            self.meant.take(f"'{' '.join(c.said)}' as to stand")
        elif c.connector in ("join", "and", ",", "while", "but", "") and (c.kind or c.directions or c.impossible or c.does or c.auxiliary):
            self.meant.undone.append(f"left out, as asked: {' '.join(c.said)}")
        else:
            raise RefusalError("it says only what is not to be done; say what to do instead")

    def _repeats(self, c: Clause) -> bool:
        """ "repeat that twice", "and again", "do it three times"."""
        again = "again" in c.extra or c.kind is Verb.REPEAT
        bare = c.kind in (None, Verb.REPEAT) and not (c.directions or c.amounts or c.shape or c.steps)
        if not bare or not (again or c.times):
            return False
        done = self.meant.instructions
        if not done:
            raise RefusalError("there is nothing in this text to repeat; say what to do again")
        times = int(c.times or 1) if again else max(int(c.times) - 1, 0)
        if len(done) * (times + 1) > MAX_INSTRUCTIONS:
            raise RefusalError(f"that comes to more than {MAX_INSTRUCTIONS} movements")
        block = list(done) if c.kind is Verb.REPEAT or c.does else done[self.meant.groups[-1] :]
        done += block * times
        self.meant.take(f"{'all of it' if len(block) * (times + 1) == len(done) else 'the last movement'} {times + 1} times in all")
        return True

    def _is_change(self, c: Clause) -> bool:
        plain = c.kind in (None, Verb.MOVE) or (c.kind is Verb.WALK and not self.caption)
        return plain and not (c.directions or c.amounts or c.shape or c.steps or (c.does and c.amounts))

    def _change(self, c: Clause) -> None:
        factor = c.pace
        if c.kind in (Verb.FASTER, Verb.SLOWER):
            factor = (FAST if c.kind is Verb.FASTER else SLOW) if c.pace == 1.0 else c.pace
            if c.slight:
                factor = math.sqrt(factor)
        elif c.slight:
            factor = math.sqrt(factor)
        movers = [i for i in self.meant.instructions if i.skill is not Skill.STAND]
        if movers:
            self._append(c, [replace(movers[-1], pace=movers[-1].pace * factor, amount=None, unit=None, returning=False)])
        else:
            self.meant.change *= factor

    def _completes(self, c: Clause) -> bool:
        """A clause without a verb that adds to the movement before it: "walk forward, slowly, for three metres"."""
        done = self.meant.instructions
        said_how = c.does and c.steps and not (c.amounts or c.directions) and c.connector in ("join", "while", ",", "and")
        if said_how and self.last is not None and self.last.kind in (Verb.WALK, Verb.RUN, Verb.MOVE, Verb.BACK):
            return True  # "walks forward, taking long steps"
        if c.directions or c.does or (c.steps and not c.amounts):
            return False
        if c.connector == "then" and c.pace != 1.0 and not c.amounts and done and self.last is not None:
            c.directions = list(self.last.directions)
            return False
        if done and not c.amounts and (c.styles or "startpoint" in c.extra) and c.pace == 1.0 and c.bare is None:
            if "startpoint" in c.extra:
                self.meant.undone.append("whether it ends where it began is not looked after")
            return True
        if c.connector == "after" and c.amounts and done:
            self._late_amount(c.amounts[0])
            return True
        if not done or self.last is None:
            return not (c.amounts or c.bare is not None or c.auxiliary or c.does or c.speed is not None or c.pace != 1.0 or c.times)
        start = self.meant.groups[-1]
        for i in range(start, len(done)):
            done[i] = replace(done[i], pace=done[i].pace * c.pace, speed=c.speed if c.speed is not None else done[i].speed)
        if c.amounts:
            if len(done) - start != 1 or done[start].amount is not None:
                return False
            done[start] = self._with_amount(done[start], c.amounts[0])
        return not c.auxiliary

    def _late_amount(self, amount: Amount) -> None:
        """ "walk, and stop after three metres": the amount belongs to the mover before."""
        done = self.meant.instructions
        for i in range(len(done) - 1, -1, -1):
            if done[i].amount is None and done[i].skill is not Skill.STAND:
                done[i] = self._with_amount(done[i], amount)
                return
        raise RefusalError("nothing before it goes on until then")

    def _with_amount(self, instruction: Instruction, amount: Amount) -> Instruction:
        unit = Unit(amount.unit)
        if unit is Unit.RADIAN and instruction.skill not in (Skill.TURN, Skill.CURVE):
            raise RefusalError("an angle fits a turn or a curve; metres, steps or seconds were expected")
        return replace(instruction, amount=amount.value, unit=unit)

    def _inherit(self, c: Clause) -> None:
        """A clause without a verb takes over the one before it: "turn left, then right"."""
        last = self.last
        if c.kind is not None or c.shape or last is None:
            return
        if last.kind in TURNERS:
            onward = {"forward", "backward"} & set(c.directions) or any(a.unit in ("m", "steps") for a in c.amounts)
            c.kind = Verb.WALK if onward else last.kind
        elif last.kind in (Verb.SIDE, Verb.CURVE) or last.shape:
            c.kind = Verb.WALK if {"forward", "backward"} & set(c.directions) and last.kind is not Verb.SHUFFLE else last.kind or Verb.WALK
        elif last.kind in WALKERS:
            c.kind = last.kind
        elif last.kind is None and (last.steps or any(a.unit == "steps" for a in last.amounts)):
            c.does = True
        elif last.kind is Verb.RETURN:
            c.kind = Verb.WALK
        if c.bare is not None and last.amounts and not c.amounts:
            c.amounts.append(Amount(value=c.bare, unit=last.amounts[0].unit))
            c.bare = None
        if last.pace != 1.0 and c.pace == 1.0 and last.kind is c.kind and c.kind in (Verb.WALK, Verb.RUN):
            c.pace = last.pace
