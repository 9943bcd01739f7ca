"""The table of `kinesis status`."""

from made_up_messages import status

from kinesis_cli.status import as_dict, table


def test_times_are_in_microseconds_and_states_have_names():
    report = as_dict(status("sim_node", state=4, latency_p99=0.0015))
    assert report["state"] == "estopped" and report["latency_us"]["p99"] == 1500.0
    assert as_dict(status("sim_node", state=99))["state"] == "unknown (99)"


def test_table_names_faults_rejections_and_the_silent():
    edge = status("sim_node", rejected=2, last_rejection="values[3]", fault_names=["NON_FINITE_COMMAND"], fault_counts=[2])
    reports = {
        "sim_node": {**as_dict(edge), "received": 10.0},
        "policy_node": {**as_dict(status("policy_node", policy="p.onnx", policy_sha256="cd" * 32)), "received": 2.0},
    }
    text = table(reports, now=10.5)
    assert "NON_FINITE_COMMAND x2" in text and "values[3]" in text
    assert "p.onnx (cdcdcdcdcdcd)" in text
    assert "silent for 8 s" in text.splitlines()[2] and "silent" not in text.splitlines()[3]
