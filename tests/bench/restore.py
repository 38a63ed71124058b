"""What a restore of one member costs, all its proofs included, against etcd's own tools."""

import shutil
from pathlib import Path

from laboratory import Laboratory
from measure import Row, Times, interleave, ratio
from proof import MEGABYTE, Subject, Timed, newest_release
from support import BINARY

from lab.release import INSTALLED, Release
from lab.warden import Command

MEMORY_MB = 64
MEMBER = "etcd-1"


class Restores:
    """One snapshot, which is in memory, and whoever makes a data directory of it."""

    def __init__(self, lab: Laboratory) -> None:
        # The oldest server there is: every tool can restore its snapshots.
        subject = Subject(lab, 16 if lab.short else 800, INSTALLED)
        subject.etcdctl()()
        subject.cluster.stop()
        self.snapshot = subject.theirs
        self._plan = subject.directory / "plan.json"
        self._place = subject.directory / "restored"
        self._place.mkdir()
        places = f"--data-dir={self._place / MEMBER}"
        Command(BINARY).output(
            "restore", "plan", self.snapshot, f"--output={self._plan}", places, timeout=300
        )

    @property
    def size(self) -> str:
        return f"{self.snapshot.stat().st_size / 1e6:.0f} MB"

    def etcd_warden(self) -> Timed:
        """Each run replaces what the one before has made."""

        def clear() -> None:
            for path in self._place.iterdir():
                if path.name != MEMBER:
                    _remove(path)

        command = [str(BINARY), "restore", "run", f"--plan={self._plan}", f"--member={MEMBER}"]
        return Timed("etcd-warden", command, clear, is_sampled=True)

    def stock(self, release: Release) -> Timed:
        name = "etcdutl" if release.directory else "etcdctl"
        tool = str(release.directory / name) if release.directory else name
        made = self._place.parent / f"by-{name}"
        command = [tool, "snapshot", "restore", str(self.snapshot), f"--data-dir={made}"]
        return Timed(f"{name} {release.version}", command, lambda: _remove(made), is_sampled=True)


def run(lab: Laboratory) -> list[Row]:
    restores = Restores(lab)
    ours, etcdctl = restores.etcd_warden(), restores.stock(INSTALLED)
    peers = [etcdctl]
    if (newest := newest_release()) is not INSTALLED:
        peers.append(restores.stock(newest))
    every = [ours, *peers]
    for once in every:
        once()  # the snapshot is in memory from now on, and there is something to replace
    mine, *theirs = interleave(2 if lab.short else 7, *every)
    rows = []
    for peer, times, bound in zip(peers, theirs, (0.7, 1.0), strict=False):
        share = ratio(mine, times)
        rows.append(
            Row("restore", f"{restores.size}, proven and in place, against {peer.name}",
                _seconds(mine), _seconds(times), f"{share:.2f}", f"<= {bound:g}", share <= bound)
        )  # fmt: skip
    peak = ours.peak_anonymous_bytes / MEGABYTE
    others = ", ".join(f"{peer.peak_anonymous_bytes / MEGABYTE:.0f}" for peer in peers)
    rows.append(
        Row("restore", "peak anonymous memory", f"{peak:.0f} MB", f"{others} MB", "",
            f"<= {MEMORY_MB} MB", peak <= MEMORY_MB)
    )  # fmt: skip
    return rows


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _seconds(times: Times) -> str:
    return f"{times.p50:.3f} s"
