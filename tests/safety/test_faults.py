"""The fault log: counts, times and order."""

from kinesis_control.safety.faults import Fault, FaultLog, Severity


def test_counts_and_times():
    log = FaultLog()
    for now_s in (1.0, 2.0, 5.0):
        log.record(Fault.STALE_COMMAND, now_s)
    ((fault, record),) = log.worst_first()
    assert (fault, record.count, record.first_s, record.last_s) == (Fault.STALE_COMMAND, 3, 1.0, 5.0)
    assert log.count(Fault.STALE_COMMAND) == 3
    assert log.count(Fault.FALLEN) == 0


def test_the_worst_comes_first():
    log = FaultLog()
    for fault in (Fault.SLEW_LIMITED, Fault.WRONG_MODE, Fault.NON_FINITE_STATE, Fault.FALLEN, Fault.OUT_OF_RANGE):
        log.record(fault, 0.0)
    assert list(log.counts()) == ["NON_FINITE_STATE", "FALLEN", "WRONG_MODE", "OUT_OF_RANGE", "SLEW_LIMITED"]


def test_every_fault_says_what_it_means():
    assert len({fault.meaning for fault in Fault}) == len(Fault) == len(Fault.__members__)
    assert {fault.severity for fault in Fault} == set(Severity)
