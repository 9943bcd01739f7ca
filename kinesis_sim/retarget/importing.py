"""Imports a folder of recordings into a library: in parallel processes, resumable, and one bad file never stops it."""

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from kinesis_control.errors import KinesisError, MotionFileError
from kinesis_control.motion.clip import MIRRORED, MotionClip
from kinesis_control.motion.clip_mirror import mirror
from kinesis_control.motion.library_writer import LibraryWriter
from kinesis_control.motion.readers import find_motions, read_motion
from kinesis_control.motion.readers.asf_amc import skeleton_of
from kinesis_control.motion.readers.sidecar import file_hash
from kinesis_control.motion.source_motion import SourceMotion
from kinesis_sim.bodies import Body, load_body
from kinesis_sim.retarget.calibration import Samples, SkeletonCalibration, gather
from kinesis_sim.retarget.config import RetargetConfig
from kinesis_sim.retarget.pipeline import Retargeter

METHOD = 2
"""Counts up with every change of the retargeting that changes clips: libraries made before are then made anew."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How files are read and what is kept.

    Attributes:
        mapping, units, up: as in `read_motion`.
        only: names of the files, with * and ?; empty for all.
        mirror: keep a mirrored copy of every clip.
        facts: "dataset", "licence" and "credit", where given they replace what stands beside the files.
        jobs: processes.
    """

    mapping: Path | None = None
    units: str | None = None
    up: str | None = None
    only: str = ""
    mirror: bool = True
    facts: dict[str, str] = field(default_factory=dict)
    jobs: int = 2


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A file to import: its path, the name of its clip, the hash of its content with the options that change its clip."""

    path: Path
    name: str
    key: str


@dataclass(kw_only=True)
class ImportSummary:
    """What an import did.

    Attributes:
        clips: figures of every new clip, by name.
        frames: of every new clip, by name, without mirrored copies.
        notes: what was mended in a file, by clip name.
        failures: file and reason of everything that could not be imported.
        kept: clips that were in the library already.
    """

    clips: dict[str, dict[str, float]] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)
    kept: int = 0


Progress = Callable[[str, int, int], None]
"""Called with "reading" or "retargeting", the number of files done and that of all."""


def import_folder(
    folder: Path, library: Path, body: str, config: RetargetConfig, options: ImportOptions, progress: Progress = lambda *_: None
) -> ImportSummary:
    """Retarget every recording below a folder onto a body and store the clips.

    A clip that is in the library already, made from the same file with the same options by the same method, is kept. Broken off at any moment,
    the next call goes on where this one was.

    Raises:
        MotionFileError: no recording found, the library is of another body, or the disk is full.
        UnavailableError: the library's folder cannot be written.
        UnknownNameError: no such body.
    """
    summary = ImportSummary()
    model = load_body(body)
    Retargeter.of(model, config)  # a body that cannot take human motion is refused before anything is read
    recordings = _recordings(folder, config, options, summary)
    with LibraryWriter(library, model.description) as writer:
        missing = [r for r in recordings if not _stored(writer, r, options.mirror)]
        summary.kept = len(recordings) - len(missing)
        if missing:
            with _workers(body, config, options) as pool:
                skeletons = _calibrate(pool, recordings, missing, Retargeter.of(model, config), summary, progress)
                _retarget(pool, [r for r in missing if r.name in skeletons], skeletons, writer, summary, progress)
    return summary


def _recordings(folder: Path, config: RetargetConfig, options: ImportOptions, summary: ImportSummary) -> list[Recording]:
    paths = [p for p in find_motions(folder) if not options.only or fnmatch(p.name, options.only) or fnmatch(p.stem, options.only)]
    if not paths:
        wanted = f" whose name fits '{options.only}'" if options.only else ""
        raise MotionFileError(f"'{folder}' holds no motion file (.bvh, .amc){wanted}")
    stems = [p.stem for p in paths]
    settings = repr((METHOD, config, options.mapping and options.mapping.read_text(), options.units, options.up, sorted(options.facts.items())))
    result = []
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else "_".join(path.relative_to(folder).with_suffix("").parts)
        try:
            parts = [path, skeleton_of(path)] if path.suffix.lower() == ".amc" else [path]
            key = hashlib.sha256((file_hash(parts) + settings).encode()).hexdigest()
        except (KinesisError, OSError) as error:
            summary.failures.append((str(path.relative_to(folder)), _one_line(error)))
            continue
        result.append(Recording(path=path, name=name, key=key))
    return result


def _stored(writer: LibraryWriter, recording: Recording, mirrored: bool) -> bool:
    names = [recording.name, recording.name + MIRRORED] if mirrored else [recording.name]
    return all(writer.has(name, recording.key) for name in names)


def _calibrate(
    pool: ProcessPoolExecutor,
    recordings: Sequence[Recording],
    missing: Sequence[Recording],
    retargeter: Retargeter,
    summary: ImportSummary,
    progress: Progress,
) -> dict[str, SkeletonCalibration]:
    """Calibration for each recording, by clip name; all clips of a skeleton count, also those that are stored already."""
    wanted = {r.name for r in missing}
    skeleton: dict[str, str] = {}
    samples: dict[str, list[tuple[str, Samples]]] = {}
    for recording, outcome in _each(pool, _sample, [(r,) for r in recordings], "reading", progress):
        if isinstance(outcome, Exception):
            if recording.name in wanted:
                summary.failures.append((recording.path.name, _one_line(outcome)))
            continue
        skeleton[recording.name] = outcome.skeleton
        samples.setdefault(outcome.skeleton, []).append((recording.name, outcome))
    ordered = {key: [s for _, s in sorted(group, key=lambda item: item[0])] for key, group in samples.items()}
    calibrations = {key: retargeter.calibrate(group) for key, group in ordered.items()}
    return {name: calibrations[key] for name, key in skeleton.items()}


def _retarget(
    pool: ProcessPoolExecutor,
    missing: Sequence[Recording],
    skeletons: dict[str, SkeletonCalibration],
    writer: LibraryWriter,
    summary: ImportSummary,
    progress: Progress,
) -> None:
    for recording, outcome in _each(pool, _make, [(r, skeletons[r.name]) for r in missing], "retargeting", progress):
        if isinstance(outcome, Exception):
            summary.failures.append((recording.path.name, _one_line(outcome)))
            continue
        clips, notes = outcome
        for clip in clips:
            writer.add(clip)
            summary.clips[clip.name] = dict(clip.report)
        summary.frames[clips[0].name] = clips[0].frames
        if notes:
            summary.notes[clips[0].name] = notes


def _each(
    pool: ProcessPoolExecutor, work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], stage: str, progress: Progress
) -> Iterator[tuple[Recording, Any]]:
    """The result, or the exception, of every job as it gets ready; the job's first argument is its recording."""
    progress(stage, 0, len(jobs))
    futures: dict[Future[Any], Recording] = {pool.submit(work, *job): job[0] for job in jobs}
    try:
        for done, future in enumerate(as_completed(futures), start=1):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                error = MotionFileError("the process that read it ended without an answer (out of memory?); import again to go on")
            if error is not None and not isinstance(error, Exception):
                raise error
            yield futures[future], error if error is not None else future.result()
            progress(stage, done, len(jobs))
    finally:
        for future in futures:
            future.cancel()


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, KinesisError) else f"{type(error).__name__}: {text}"


@contextmanager
def _workers(body: str, config: RetargetConfig, options: ImportOptions) -> Iterator[ProcessPoolExecutor]:
    """Processes with one thread each: several would only get in each other's way."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max(1, options.jobs), mp_context=context, initializer=_start, initargs=(body, config, options))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Worker:
    """What one process keeps between files."""

    retargeter: Retargeter
    options: ImportOptions


def _leave_with_parent() -> None:
    """End this process when the importing one is gone: killed outright, it cannot tell its workers to stop."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _start(body: str, config: RetargetConfig, options: ImportOptions) -> None:
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    model: Body = load_body(body)
    _Worker.retargeter, _Worker.options = Retargeter.of(model, config), options


def _read(recording: Recording) -> SourceMotion:
    o = _Worker.options
    motion = read_motion(recording.path, mapping=o.mapping, units=o.units, up=o.up)
    return replace(motion, name=recording.name, source={**motion.source, **o.facts, "sha256": recording.key})


def _sample(recording: Recording) -> Samples:
    return gather(_read(recording))


def _make(recording: Recording, calibration: SkeletonCalibration) -> tuple[list[MotionClip], tuple[str, ...]]:
    """The clip and its mirrored copy, and what was mended in the file."""
    retargeter, motion = _Worker.retargeter, _read(recording)
    clip = retargeter.retarget(motion, calibration)
    clips = [clip, mirror(clip, retargeter.body.mirror)] if _Worker.options.mirror else [clip]
    return clips, tuple(motion.problems)
