"""Many cases: over processes of this machine, or over the machines of a Ray cluster; what is finished is kept.

A case is determined by its seed alone, so the figures do not depend on who ran it, in which order, or how often the run was stopped.
"""

import hashlib
import json
import multiprocessing
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import kinesis_control
import kinesis_sim
from kinesis_control.contract import read_contract
from kinesis_control.errors import UnavailableError
from kinesis_control.evaluate.report_life import LifeReport
from kinesis_control.evaluate.report_store import load_life, save_life
from kinesis_control.motion.library import Library
from kinesis_control.policy import Policy
from kinesis_sim.benchmark.bag import CaseBag
from kinesis_sim.benchmark.run import CaseRun, report_on
from kinesis_sim.benchmark.suites import Case
from kinesis_sim.bodies import Body, load_body

_COMPUTING = ("mujoco", "numpy", "onnxruntime")

OnDone = Callable[[Case, int, int], None]
"""Told (case, finished cases, cases in all)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker needs besides the case.

    Attributes:
        policy: file; library: motion library, or None.
        body: name of the body.
        bags: folder for bags, or None.
    """

    policy: str
    body: str
    library: str | None = None
    bags: str | None = None


def run_cases(
    job: Job, cases: Sequence[Case], *, folder: Path | None = None, processes: int = 2, ray_address: str | None = None, on_done: OnDone | None = None
) -> list[LifeReport]:
    """Run every case that has no finished report in `folder`; reports in the order of the cases.

    Args:
        job: policy, body and library.
        cases: what to run.
        folder: keeps finished reports; None keeps nothing.
        processes: on this machine, without Ray.
        ray_address: of a Ray cluster, or "local" for one that is started for this run.

    Raises:
        UnavailableError: Ray is asked for and not installed, or its cluster cannot be reached.
    """
    keys = {case.name: case_key(job, case) for case in cases}
    finished: dict[str, LifeReport] = {}
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        found = {case.name: load_life(folder / f"{case.name}.npz", keys[case.name]) for case in cases}
        finished = {name: life for name, life in found.items() if life is not None}
    waiting = [case for case in cases if case.name not in finished]
    results = _over_ray(job, waiting, ray_address) if ray_address is not None else _over_processes(job, waiting, processes)
    for case, life in results:
        finished[case.name] = life
        if folder is not None:
            save_life(folder / f"{case.name}.npz", life, keys[case.name])
        if on_done is not None:
            on_done(case, len(finished), len(cases))
    return [finished[case.name] for case in cases]


def case_key(job: Job, case: Case) -> str:
    """Hash of everything that determines a case: the case, the policy, the body, the clip library, and the code that runs and scores it."""
    library = _sha256(job.library) if job.library else ""
    parts = [json.dumps(asdict(case), sort_keys=True), _sha256(job.policy), job.body, library, code_fingerprint()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@lru_cache(maxsize=1)
def code_fingerprint() -> str:
    """Hash of the sources of simulation and scores, and of the versions of what computes in them.

    A case that was kept by other code must not stand beside one of this code.
    """
    total = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in _COMPUTING).encode())
    for package in (kinesis_control, kinesis_sim):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            total.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return total.hexdigest()


def run_case(job: Job, case: Case) -> LifeReport:
    """Run one case in this process."""
    body, policy, sha256, library = _loaded(job.policy, job.body, job.library)
    clips = {case.clip: library.clip(case.clip)} if case.clip and library is not None else {}
    run = CaseRun(case, body, policy, sha256, clips)
    if job.bags is not None:
        with CaseBag(Path(job.bags) / case.name, body.description, case, policy.contract, sha256) as bag:
            episode = run.run(bag)
    else:
        episode = run.run()
    return report_on(case, episode, body, clips[case.clip].duration_s if clips else None)


@lru_cache(maxsize=2)
def _loaded(policy: str, body_name: str, library: str | None) -> tuple[Body, Policy, str, Library | None]:
    body = load_body(body_name)
    return body, Policy.load(Path(policy), body.description), _sha256(policy), Library.open(Path(library), body.description) if library else None


@lru_cache(maxsize=8)
def _sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _over_processes(job: Job, cases: Sequence[Case], processes: int) -> Iterator[tuple[Case, LifeReport]]:
    if not cases:
        return
    if processes == 1:
        for case in cases:
            yield case, run_case(job, case)
        return
    # A fork would copy the threads' locks of ONNX Runtime without the threads.
    with ProcessPoolExecutor(min(processes, len(cases)), mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(run_case, job, case): case for case in cases}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _over_ray(job: Job, cases: Sequence[Case], address: str) -> Iterator[tuple[Case, LifeReport]]:
    """The files travel with the jobs: the other machines need this package, and nothing of this disk."""
    try:
        import ray
    except ImportError as error:
        raise UnavailableError("Ray is not installed; get it with: pip install 'ray>=2.40,<3'") from error
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    except Exception as error:  # a start that takes too long is a plain Exception in Ray
        raise UnavailableError(f"no Ray cluster at '{address}': {error}") from error
    try:
        files = ray.put({name: Path(path).read_bytes() for name, path in (("policy", job.policy), ("library", job.library)) if path})
        remote = ray.remote(num_cpus=1)(_run_remotely)
        pending = {remote.remote(files, job.body, case): case for case in cases}
        while pending:
            done, _ = ray.wait(list(pending), num_returns=1)
            yield pending.pop(done[0]), ray.get(done[0])
    finally:
        ray.shutdown()


def _run_remotely(files: dict[str, bytes], body: str, case: Case) -> LifeReport:
    paths = {name: _on_disk(name, content) for name, content in files.items()}
    return run_case(Job(policy=paths["policy"], body=body, library=paths.get("library")), case)


def _on_disk(name: str, content: bytes) -> str:
    """A file with this content, written once a machine."""
    path = Path(tempfile.gettempdir()) / f"kinesis-{name}-{hashlib.sha256(content).hexdigest()[:32]}"
    if not path.exists():
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    return str(path)


def require_policy_body(policy: Path, body: str | None) -> str:
    """Name of the body that a policy is for.

    Raises:
        ContractError: no policy file, or another body than the one asked for.
    """
    contract = read_contract(policy)
    if body is not None and body != contract.body:
        from kinesis_control.errors import ContractError

        raise ContractError(f"'{policy.name}' moves body '{contract.body}', got body '{body}'")
    return contract.body


def kinds_of(cases: Sequence[Case], lives: Sequence[LifeReport]) -> dict[str, list[Any]]:
    """Reports by kind of case, in the order of the suite."""
    result: dict[str, list[Any]] = {}
    for case, life in zip(cases, lives, strict=True):
        result.setdefault(case.kind, []).append(life)
    return result
