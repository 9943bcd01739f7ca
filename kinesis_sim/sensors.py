"""The sensors that every composed body carries, so that one readout serves the world, training and evaluation.

MuJoCo computes a sensor in one of two stages of a step. Position and velocity sensors (muscle length and velocity, key
bodies) come with `mj_step1`; force sensors (muscle force, contact) come with `mj_step2` and belong to the sub-step that
was just integrated. Sensors are not part of the physics and not of its hash.
"""

from collections.abc import Iterable

import mujoco

LENGTH, VELOCITY, FORCE = "muscle_length", "muscle_velocity", "muscle_force"
CONTACT, KEY_BODY = "contact_force", "key_body_position"
FLOOR = "floor"
EVERYTHING = "everything"  # contact sensor of whatever touches the floor
_NET_FORCE_ONLY = (1 << int(mujoco.mjtConDataField.mjCONDATA_FORCE), 3, 1)  # data fields, reduction "netforce", one slot


def sensor_name(kind: str, target: str) -> str:
    """Name of the sensor of one kind on one target, for example "muscle_length/soleus_r"."""
    return f"{kind}/{target}"


def add_sensors(spec: mujoco.MjSpec, *, contact_bodies: Iterable[tuple[str, str]], key_bodies: Iterable[str]) -> None:
    """Add length, velocity and force of every muscle, net floor force of every region, and key body positions.

    Args:
        spec: cleaned specification with a geom named "floor".
        contact_bodies: pairs (region name, model body).
        key_bodies: model bodies whose frame origin is sensed.
    """
    kinds = mujoco.mjtSensor
    muscles = [a.name for a in spec.actuators]
    for kind, sensor in ((LENGTH, kinds.mjSENS_ACTUATORPOS), (VELOCITY, kinds.mjSENS_ACTUATORVEL), (FORCE, kinds.mjSENS_ACTUATORFRC)):
        for muscle in muscles:
            _add(spec, sensor_name(kind, muscle), sensor, mujoco.mjtObj.mjOBJ_ACTUATOR, muscle)
    for region, body in contact_bodies:
        # Floor first, body second: the force is the one that the floor exerts on the body.
        contact = _add(spec, sensor_name(CONTACT, region), kinds.mjSENS_CONTACT, mujoco.mjtObj.mjOBJ_GEOM, FLOOR)
        contact.reftype, contact.refname = mujoco.mjtObj.mjOBJ_BODY, body
        contact.intprm[:3] = _NET_FORCE_ONLY
    contact = _add(spec, sensor_name(CONTACT, EVERYTHING), kinds.mjSENS_CONTACT, mujoco.mjtObj.mjOBJ_GEOM, FLOOR)
    contact.intprm[:3] = _NET_FORCE_ONLY
    for body in key_bodies:
        _add(spec, sensor_name(KEY_BODY, body), kinds.mjSENS_FRAMEPOS, mujoco.mjtObj.mjOBJ_XBODY, body)


def _add(spec: mujoco.MjSpec, name: str, kind: mujoco.mjtSensor, object_type: mujoco.mjtObj, target: str) -> mujoco.MjsSensor:
    sensor = spec.add_sensor()
    sensor.name, sensor.type, sensor.objtype, sensor.objname = name, kind, object_type, target
    return sensor
