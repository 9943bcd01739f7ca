"""What a person can do about each fault."""

from kinesis_control.safety.faults import Fault

_POLICY = "Restart the policy node, and check with `kinesis policy check` that the policy is made for this body."
_SLOW = "The machine may be too busy: close other programs, or watch the latency below."

ADVICE: dict[Fault, str] = {
    Fault.SLEW_LIMITED: "Nothing to do; it is counted because a policy that does it often was not trained with this limit.",
    Fault.NOT_ARMED: "Press Arm when the body may move.",
    Fault.WRONG_LENGTH: _POLICY,
    Fault.WRONG_LAYOUT: _POLICY,
    Fault.WRONG_MODE: _POLICY,
    Fault.UNNAMED_COMMANDER: "Give the sender of muscle_command a commander name.",
    Fault.SECOND_COMMANDER: "Two programs send muscle_command: end one of them, or give each graph its own ROS_DOMAIN_ID.",
    Fault.NON_FINITE_COMMAND: _POLICY,
    Fault.OUT_OF_RANGE: _POLICY,
    Fault.INVALID_VALIDITY: "Set valid_for in the commands that are sent.",
    Fault.FUTURE_COMMAND: "The sender counts states wrongly, or belongs to another run: restart it.",
    Fault.REPLAYED_COMMAND: "The sender answers a state twice: restart it.",
    Fault.STALE_COMMAND: _SLOW,
    Fault.WRONG_STAMP: "The sender must copy the stamp of the state that it answers.",
    Fault.COMMAND_TOO_OLD: _SLOW,
    Fault.STALE_EPOCH: "The lease has ended: press Reset, then Arm.",
    Fault.NON_FINITE_REFERENCE: "Ask for something else, or restart the motion node.",
    Fault.NON_FINITE_POLICY: _POLICY,
    Fault.LOST_COMMANDER: f"Check that the policy node runs; then Reset and Arm. {_SLOW}",
    Fault.REPEATED_REFUSAL: "Look at the refusals above it in this list; then Reset and Arm.",
    Fault.FALLEN: "Press Restart: the body is put back on its feet.",
    Fault.GUARDIAN_LOST: "Check cable and power of the guardian; then Reset and Arm.",
    Fault.GUARDIAN_STOP: "Read the guardian's status and put right what it names; then Reset and Arm.",
    Fault.BANK_SILENT: "Check cable and power of the valve bank; then Reset and Arm.",
    Fault.BANK_FAULT: "Read the fault at the valve bank and clear it there; then Reset and Arm.",
    Fault.SENSOR_LOST: "Check the pressure sensor of the muscle; then Reset and Arm.",
    Fault.DRIVER_ERROR: "Read the log of the driver node; restart it.",
    Fault.ESTOP: "Somebody pressed the e-stop: when it is safe, Reset and Arm.",
    Fault.NON_FINITE_STATE: "Press Restart in simulation; on a robot check the sensors before anything else.",
    Fault.INTERNAL_ERROR: "Read the log of the simulator or driver, and report it; restart.",
}


def explain(name: str) -> tuple[str, str, str]:
    """Meaning of a fault by its name, what to do about it, and how grave it is ("notice", "refusal", "stop", "cut").

    A name that is not known gives plain words.
    """
    fault = Fault.__members__.get(name)
    if fault is None:
        return "A fault that this page does not know.", "Look into /diagnostics.", "stop"
    return f"{fault.meaning[0].upper()}{fault.meaning[1:]}.", ADVICE.get(fault, ""), fault.severity.name.lower()
