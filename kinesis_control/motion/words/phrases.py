"""Runs of words that mean something else together than apart, or one thing in several spellings."""

_TABLE = """
- = where he is | where she is | where they are | where you are | where it is
180 degrees = halfway around | half way around | halfway round | half way round | halfway | half way
- = it looks like | looks like | from one side to the other | it is | there is
stand = no movement | no motion | does not do anything
kick = kick something | kick the thing
kicks = kicks something
- = about to | all the way | and so on | as well | at first | at least | at the end | at the same time | come on | go ahead | in a row | in
    the end | in turn | of course | or so | where i am
0.75 = three quarters
1 foot = one foot
2 seconds = a second or two
after = right after
allaround = all the way around | all the way round
and = adn
andstop = to a halt | to a standstill | to a stop
anticlockwise = anti clock wise | anti clockwise
arc = partial circle
asif = as if
asthough = as though
backandforth = back and forth | back and forward | back and forwards | forth and back | forward and back | forwards and back | to and fro |
    up and down
backwards = backwords
ball = football | soccer ball
bit = a bit | abit
clockwise = clock wise
continue = go on
continues = goes on
counterclockwise = counter clock | counter clock wise | counter clockwise
crabwalk = crab walk
crabwalking = crab walking
crabwalks = crab walks
crawl = all fours | hands and knees
diagonally = at an angle
doublefast = double speed | double the speed | double time | twice as fast | two times faster
faster = less slowly | more quickly | more rapidly
figure8 = 8 shape | figure 8 | figure eight | figure of 8 | figure of eight
forward = forwad | foward
forwards = fowards
from = out of
getup = get up | gets up | getting up | got up
go to = goto
halffast = at half speed | half as fast | half speed | half the speed
he = hes
highknees = high knees
i = id | ill | im
immediately = at once | right away | right now | straight away
inplace = in his place | in one place | in one spot | in place | in same place | in the same place | in the same spot | in their place | on
    place | on the spot
inreverse = in reverse
jacks = jumping jack | jumping jacks
keep = just keep | keep on
keeps = keeps on
kick = free kick | hit the ball | kick off | pass the ball | penalty | penalty kick | score a goal | shoot a goal | shoot the ball | strike
    the ball | take a penalty | take a penalty kick | take a shot | take the penalty | take the shot
kicks = hits the ball | passes the ball | shoots the ball | strikes the ball | takes a penalty | takes a shot
kmh = kilometer per hour | kilometers per hour | kilometre per hour | kilometres per hour | km h | km per hour
left = hard left | left hand side | left side | leftside | sharp left
left turn = left hand turn
limb = both feet | left arm | left foot | left hand | left leg | other foot | other leg | right arm | right foot | right hand | right leg
littlebit = a little | a little bit | alittle
longdistance = a long distance | a long way
lot = a lot
moment = a moment | a short moment | a short time
moonwalk = moon walk
moonwalks = moon walks
mph = mile per hour | miles per hour
mps = m per s | m s | meter per second | meters a second | meters per second | metre per second | metres a second | metres per second
near = in front of | next to
ok = all right | alright
onefootinfront = heel to toe | one foot in front of the other
onelegged = one leg
ontiptoe = on his toes | on their toes | on tip toe | on tip toes | on tiptoe | on tiptoes | on toes
onto = on to
otherway = opposite direction | opposite directions | opposite way | other direction | other way | the other way
powerwalk = power walk
powerwalking = power walking
powerwalks = power walks
pushups = push up | push ups
quartercircle = quarter circle | quarter of a circle
return = come back
return to = go back to
returned = came back
returned to = went back to
returning = coming back
returns = comes back
returns to = goes back to
right = hard right | right hand side | right side | sharp right
right turn = right hand turn
semicircle = half a circle | half circle | half circles | semi circle | semi circular
she = shes
shortdistance = a short distance | a short way | a small distance | some distance
sideshuffle = side shuffle
sideshuffles = side shuffles
sideshuffling = side shuffling
sidestep = side step
sidestepped = side stepped
sidestepping = side stepping
sidesteps = side steps | steps sideways
sidetoside = from side to side | side to side | to the sides
sideways = side ways | sideway
situp = sit ups
slightly = slighty
slightly left = slight left
slightly right = slight right
slowdown = decrease speed | reduce speed | reduce the speed | slow down
sloweddown = slowed down
slower = less fast | less quickly | more slowly | not so fast
slowingdown = slowing down
slowmotion = slow motion
slowsdown = reduces speed | slows down
spedup = sped up
speedingup = speeding up
speedsup = increases his pace | increases his speed | increases speed | picks up speed | picks up the pace | speeds up
speedup = hurry up | increase speed | increase the speed | pick up speed | pick up the pace | speed up
sshape = letter s | s curve | s pattern | s shape | s shaped
stairs = up the stairs
stand = do nothing | hold position | hold your position | stand up | stay put
stand still = hold still
standing = doing nothing | standing up
stands = does nothing | holds position | stands there | stands up | stays put
stands still = holds still
startpoint = initial position | original location | original place | original position | original spot | start point | start position |
    starting location | starting place | starting point | starting position | starting spot | the beginning | the same way | the start | the
    way he came | the way she came | the way they came | the way you came | where he began | where he came from | where he started | where
    he was | where it started | where she came from | where she started | where they began | where they came from | where they started |
    where you began | where you came from | where you started | where you were
stood = stood up
stop = come to a halt | come to a stop | cut it out | knock it off | that is enough
stopped = came to a stop
stopping = coming to a stop
stops = comes to a halt | comes to a stop
straight = strait
then = right after that | tehn | thne
they = theyre
tiptoe = tip toe
tiptoeing = tip toeing
tiptoes = tip toes
told = further notice | i say so | i say stop | i stop you | i tell you otherwise | i tell you to stop | told otherwise | told to stop | you
    are told otherwise | you are told to stop | you hear stop
totheside = to her side | to his side | to one side | to the side | to their side
toward = over to | up to
turn around = change direction | reverse direction | turnaround
turns around = changes direction | reverses direction
uturn = about face | about turn | u turn
uturns = u turns
wait = hang on | hold on | stand by
wakeup = wake up | wakes up | waking up
while5 = a short while | a while | some time
you = youre
zigzag = zig zag
zigzagging = zig zagging
zigzags = zig zags
"""
"""What the words are replaced by, and the runs of words, separated by "|"; "-" stands for nothing. A row goes on in indented lines."""


def _read(table: str) -> dict[str, str]:
    phrases: dict[str, str] = {}
    for row in table.strip().replace("\n    ", " ").splitlines():
        meaning, _, runs = row.partition(" = ")
        phrases |= {run.strip(): meaning.replace("-", "") for run in runs.split("|")}
    return phrases


PHRASES: dict[str, str] = _read(_TABLE)
"""Run of words -> what is read instead."""
