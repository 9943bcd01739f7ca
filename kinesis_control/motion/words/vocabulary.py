"""The words themselves, in plain lists."""

VERBS = {
    "walk": "walk march stride pace hike stroll amble saunter wander roam ramble patrol tread meander plod trudge:0.67 hurry:1.25 rush:1.25 powerwalk:1.25 "
    "creep:0.67* sneak:0.67* tiptoe:0.67* limp* hobble:0.67* stagger* stumble* strut* swagger* waddle* stomp* parade* prowl:0.67* wobble*",
    "run": "run jog:0.85 trot:0.85 sprint:1.3 dash:1.3 race:1.3",
    "move": "go move head proceed advance travel come progress approach cross enter exit leave transition",
    "side step": "sidestep strafe crabwalk sideshuffle",
    "step": "step",
    "shuffle": "shuffle scoot slide sidle shift",
    "back up": "back backtrack backpedal retreat reverse withdraw moonwalk* backstep",
    "turn": "turn rotate pivot swivel",
    "face": "face",
    "spin": "spin twirl pirouette*",
    "curve": "curve veer swerve drift arc circle loop orbit",
    "stand": "stand wait pause idle rest remain stay",
    "stop": "stop halt freeze cease cancel abort",
    "kick": "kick shoot",
    "return": "return",
    "speed up": "accelerate speedup",
    "slow down": "decelerate slowdown",
    "repeat": "repeat",
}
"""Families of verbs and their base forms; ":0.67" is the pace that a verb brings, "*" marks a style that is not done."""

IRREGULAR = {
    "begin": "ed=began", "bow": "ed=bowed", "bring": "ed=brought", "catch": "ed=caught", "come": "ed=came", "creep": "ed=crept", "do": "ed=did s=does",
    "drink": "ed=drank", "drive": "ed=drove", "eat": "ed=ate", "fall": "ed=fell", "fight": "ed=fought", "fly": "ed=flew", "freeze": "ed=froze",
    "give": "ed=gave", "go": "ed=went s=goes", "hang": "ed=hung", "hit": "ed=hit", "hold": "ed=held", "keep": "ed=kept", "kneel": "ed=knelt",
    "leap": "ed=leapt", "let": "ed=let", "lie": "ing=lying", "make": "ed=made", "put": "ed=put", "ride": "ed=rode", "rise": "ed=rose", "run": "ed=ran",
    "shoot": "ed=shot", "sing": "ed=sang", "sit": "ed=sat", "sleep": "ed=slept", "slide": "ed=slid", "slowdown": "s=slowsdown ing=slowingdown ed=sloweddown",
    "sneak": "ed=snuck", "speedup": "s=speedsup ing=speedingup ed=spedup", "spin": "ed=spun", "stand": "ed=stood", "swim": "ed=swam", "swing": "ed=swung",
    "take": "ed=took", "think": "ed=thought", "throw": "ed=threw", "travel": "ing=travelling", "tread": "ed=trod", "withdraw": "ed=withdrew",
    "write": "ed=wrote",
}  # fmt: skip
"""Forms that the rules do not give."""

DOUBLED = (
    "run jog trot stop step spin sidestep backstep strut jump hop skip sit squat clap pat tap grab trip slip nod hug chop flip drop dip "
    "wag swim get put cut hit let set begin plod"
)
"""Verbs that double their last letter."""

AUXILIARIES = "start begin continue keep try proceed decide seem appear attempt finish"

AUXILIARY_FORMS = (
    "is are was were be been being am will would shall can could should may might must want wants wanted need needs let lets going gonna has had have "
    "having get gets getting got"
)

LIGHT_VERBS = "take make do perform complete execute give"

IMPOSSIBLE = (
    "jump hop leap skip crawl sit squat crouch kneel lie fall trip slip climb dance waltz swim fly roll tumble cartwheel flip somersault backflip "
    "handstand headstand wave clap punch box throw catch lift raise lower carry pick grab reach push pull stretch bow duck dodge lunge gallop hurdle vault "
    "bounce skate ski dribble juggle swing point salute drink eat sleep wash wipe write play nod shake scratch rub touch pat tap slap hug kiss cough "
    "sneeze yawn sing drive ride row fight shrug applaud cheer exercise limbo twerk salsa tango curtsy lean twist sway rock balance put drop hold "
    "gesture pray cook clean sweep dig pour stir knock press squeeze strum chop hit strike swat wag wiggle hang bring rise bend look watch stare "
    "peek glance inspect search think talk speak say ascend descend levitate teleport explode attack defend curl breakdance meditate land faint collapse "
    "die laugh cry smile tie fix brush comb adjust fidget spread extend flap stamp tackle shove chase"
)
"""Verbs that are known and cannot be done."""

IMPOSSIBLE_NOUNS = (
    "stairs stair staircase stairway upstairs downstairs ladder ramp hill slope uphill downhill cartwheels backflips frontflip flips yoga karate ballet "
    "pushup pushups situp squats lunges jacks burpee burpees aerobics hopscotch treadmill hurdles violin guitar golf tennis tightrope curb kerb ledge moon "
    "getup wakeup highknees onelegged"
)

SUBJECTS = (
    "person man woman boy girl human humans guy lady figure someone somebody character he she they it robot body subject people individual actor model "
    "player child kid stickman mannequin avatar skeleton gentleman male female adult dude pedestrian toddler"
)

FILLERS = (
    "please kindly the a an his her their its your my our this that these those to in on at of for by so just hey hi hello ok okay well um uh er also too "
    "both there here up down off out over along away through across now immediately you i we us me him them himself herself themselves itself yourself who "
    "which what stick end ends ended ending finally first firstly lastly eventually suddenly initially simply still more some any each every own such way "
    "ways room floor ground area space path direction directions side line manner fashion style motion movement movements mode pattern route trajectory "
    "course spot position pace speed rate tempo distance time further farther another other entire whole full complete completely fully normal normally "
    "usual usually regular regularly steady steadily moderate moderately even evenly constant consistent comfortable comfortably natural naturally "
    "average ordinary medium casual casually calm calmly relaxed leisure small large big little short long tight wide huge tiny giant gentle gently "
    "smooth smoothly sharp sharply careful carefully cautious cautiously single extra ll re ve d mr kinesis sir thanks thank cheers anyway total exactly "
    "about approximately roughly nearly almost only front point location middle center centre beginning imaginary invisible open empty flat level track "
    "field hallway corridor street road walkway platform stage screen camera viewer brief briefly momentarily together upright attention moving quietly "
    "quiet silently activity action process shape soccer"
)
"""Words that change nothing of what is done."""

STILL = "stationary still motionless standstill motionlessly immobile"

DIRECTIONS = {
    "forward": "forward forwards ahead onward onwards straight straightforward",
    "backward": "backward backwards rearward backwards rearwards rear inreverse behind",
    "left": "left leftward leftwards counterclockwise anticlockwise",
    "right": "right rightward rightwards clockwise",
    "sideways": "sideways sideway sidewards laterally lateral totheside crabwise",
    "sidetoside": "sidetoside",
    "diagonal": "diagonally diagonal diagonals",
    "around": "around round",
    "backandforth": "backandforth",
    "inplace": "inplace",
    "opposite": "opposite",
    "still": STILL,
}

SHAPES = {
    "circle": "circular ring oval ellipse lap laps oblong",
    "circles": "circles loops",
    "semicircle": "semicircle semicircular",
    "semi": "semi",
    "quartercircle": "quartercircle",
    "arc": "arched curved",
    "zigzag": "zigzag zigzags zigzagging zigzagged serpentine slalom weave weaves weaving snake wavy winding",
    "s": "sshape",
    "eight": "figure8",
    "square": "square squares rectangle",
    "triangle": "triangle",
    "uturn": "uturn uturns",
}

UNITS = {
    "metre meter m mtr mtrs": (1.0, "m"), "cm centimetre centimeter": (0.01, "m"), "mm millimetre millimeter": (0.001, "m"),
    "km kilometre kilometer": (1000.0, "m"), "ft": (0.3048, "m"), "yard yd": (0.9144, "m"), "inch inches": (0.0254, "m"), "mile": (1609.344, "m"),
    "footstep": (1.0, "steps"), "second sec s": (1.0, "s"), "minute min": (60.0, "s"), "hour": (3600.0, "s"), "ms millisecond": (0.001, "s"),
    "degree deg": (0.017453292519943295, "rad"), "radian rad": (1.0, "rad"), "revolution rotation": (6.283185307179586, "rad"),
    "mps": (1.0, "m/s"), "fps": (0.3048, "m/s"), "kmh": (1.0 / 3.6, "m/s"), "mph": (0.44704, "m/s"),
}  # fmt: skip
"""Names of units, the value of one in SI, and in what it is counted."""

SLOW_WORDS = "slow slowly leisurely lazily lazy sluggishly unhurried unhurriedly slower slowish"
FAST_WORDS = "fast quickly quick rapidly rapid swiftly swift briskly brisk speedily hurriedly hastily hurried faster quicker energetically speedy"

MORE = "very extremely really super incredibly much lot"
LESS = "slightly slight bit littlebit somewhat"
MIDDLE = "fairly quite rather pretty relatively too"

CONNECTORS = "then and , ; . before after while until but till afterwards afterward thereafter subsequently"
NEGATIONS = "not never without no cannot neither nor"
PREPOSITIONS = "toward towards into onto from past near inside outside beside between under above against upon within via beyond"
MANNERS = (
    "with like asif asthough looking swinging holding maintaining balancing pretending leading pointing dragging keeping lifting raising bending leaning "
    "onefootinfront using"
)
STYLES = (
    "drunk drunken tired injured sneaky happy sad angry robotic zombie bouncy jaunty old young wobbly clumsy exaggerated confident dizzy hunched ontiptoe "
    "soldier heavy light"
)
BODY_PARTS = (
    "arm arms hand hands head knee knees elbow elbows shoulder shoulders hip hips leg legs limb foot feet torso finger fingers heel heels toe toes chest "
    "neck waist eyes"
)
SPECIALS = "while5 moment shortdistance longdistance otherway startpoint allaround told doublefast halffast andstop again or minus ball next same"
