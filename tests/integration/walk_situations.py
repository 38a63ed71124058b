"""The situations of the walk: how each comes about and ends, and what is right to hear of it."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping

from support import BINARY, WardenThatEndsWell, cluster_section, write_config
from walk_load import Client
from walk_stack import BASE_PREFIX, CLUSTER, Stack

from lab import ports
from lab.etcd import EtcdCluster, Ports
from lab.waiting import LabError, wait_until

ANY = 0  # as a number of alerts: one or more
SUCCEEDED = "succeeded"
FAILED = "failed"


class Situation:
    """`expected` has the alerts that fire, and how many of each at once. Those in `silenced` are
    not told to people since a stronger one is. `backups` has what became of the one job that each
    alert asked for. The shortened times may bring about more: alerts in `tolerated` may fire, and
    those in `hasty` may ask for a backup.
    """

    name: str
    what: str
    expected: Mapping[str, int]
    silenced: frozenset[str] = frozenset()
    backups: Mapping[str, str] = {}
    tolerated: frozenset[str] = frozenset()
    hasty: frozenset[str] = frozenset()
    alertmanager_runs = True
    warden_runs = True

    def prepare(self, stack: Stack) -> None:
        """All is well after it."""
        stack.new_catalogue()

    def enter(self, stack: Stack) -> None:
        raise NotImplementedError

    def leave(self, stack: Stack) -> None:
        raise NotImplementedError


class HashMismatch(Situation):
    """The page is changed under a running member, as by a disk that rots: bbolt's pages have no
    checksums, and etcd serves what is there."""

    name = "mismatch"
    what = "a byte of one member's database changes on its disk"
    # A backup in quarantine is none, so that the last one is missing until the next.
    expected = {"EtcdHashMismatch": 1, "EtcdBackupQuarantined": 1, "EtcdBackupFailing": 1}
    silenced = frozenset({"EtcdBackupQuarantined", "EtcdBackupFailing"})
    backups = {"EtcdHashMismatch": FAILED}
    COMPARED = 64

    def prepare(self, stack: Stack) -> None:
        """The first check comes within a minute of the start; another catalogue would delay it."""

    def enter(self, stack: Stack) -> None:
        follower = stack.etcd.follower()
        client = Client(stack.etcd, follower)
        # Nobody writes near it, so that its page stays where it is.
        self.good = client.get(f"{BASE_PREFIX}/000000")[: self.COMPARED]
        client.close()
        self.database = follower.data / "member" / "snap" / "db"
        self.places = list(self._places(self.good))
        self._write(bytes([self.good[0] ^ 1]))

    def leave(self, stack: Stack) -> None:
        self._write(self.good[:1])
        wait_until(
            lambda: stack.warden.page().value("hashkv_mismatched_members") == 0,
            100,
            "the members were compared again",
            watch=[stack.warden],
        )
        # As the runbooks say: a new backup, and away with the evidence, which is counted as long as
        # it is there.
        stack.warden.command.output("backup", "take", f"--config.file={stack.warden.config}")
        evidence = stack.state / "evidence"
        evidence.mkdir()
        for manifest in stack.warden.backups():
            if manifest.get("quarantined"):
                for suffix in ("json", "db"):
                    shutil.move(stack.backups / f"{manifest['id']}.{suffix}", evidence)
        stack.end_consistency_checks()

    def _places(self, wanted: bytes) -> Iterator[int]:
        content = self.database.read_bytes()
        place = -1
        while (place := content.find(wanted, place + 1)) >= 0:
            yield place

    def _write(self, changed: bytes) -> None:
        if not self.places:
            raise LabError(f"{self.database} does not hold the value")
        with self.database.open("r+b") as file:
            for place in self.places:
                file.seek(place)
                file.write(changed)


class MemberKilled(Situation):
    name = "killed"
    what = "a member is killed"
    expected = {"EtcdMemberUnreachable": 1, "EtcdNoFaultTolerance": 1}
    backups = {"EtcdMemberUnreachable": SUCCEEDED}

    def enter(self, stack: Stack) -> None:
        self.member = stack.etcd.follower()
        self.member.kill()

    def leave(self, stack: Stack) -> None:
        self.member.start()


class MemberStopped(Situation):
    """It accepts connections and answers nothing; it leads, so that the others elect another."""

    name = "stopped"
    what = "the leader is stopped with SIGSTOP"
    expected = MemberKilled.expected
    backups = MemberKilled.backups

    def enter(self, stack: Stack) -> None:
        self.member = stack.etcd.leader()
        self.member.pause()

    def leave(self, stack: Stack) -> None:
        self.member.resume()


class LearnerForgotten(Situation):
    name = "learner"
    what = "a learner joins and is not promoted"
    expected = {"EtcdLearnerStuck": 1, "EtcdMembersUnexpected": 1}
    # If the learner knows no leader when it first tells its name, etcd tries again after five
    # seconds, and serves nobody until then. The alert waits two minutes where it is not in a hurry.
    tolerated = frozenset({"EtcdMemberUnreachable"})

    def enter(self, stack: Stack) -> None:
        [pair] = Ports.pairs(ports.claim(2))
        self.learner = stack.etcd.add_member("learner", pair, learner=True)
        self.learner.start()

    def leave(self, stack: Stack) -> None:
        listed = json.loads(stack.etcd.etcdctl("member", "list", "-w", "json"))["members"]
        [identity] = [f"{each['ID']:x}" for each in listed if each.get("isLearner")]
        stack.etcd.etcdctl("member", "remove", identity)
        self.learner.kill()


class NoSpace(Situation):
    """Clients go on trying to write."""

    name = "nospace"
    what = "the database is filled up to its quota"
    expected = {
        "EtcdAlarmNoSpace": ANY,
        "EtcdQuotaHigh": 3,
        "EtcdQuotaCritical": 3,
        "EtcdGrpcErrors": ANY,
        "EtcdGrpcErrorsHigh": ANY,
    }
    silenced = frozenset(expected) - {"EtcdAlarmNoSpace"}
    backups = {"EtcdAlarmNoSpace": SUCCEEDED}
    FILL = 100_000

    def prepare(self, stack: Stack) -> None:
        super().prepare(stack)
        # The projection wants three hours behind it, of which a short walk has none.
        history = 3 * 3600 * stack.pace.time_scale
        old = f"etcdwarden_member_db_in_use_bytes offset {history:.0f}s"
        if stack.prometheus.query(old):
            self.expected = {**self.expected, "EtcdQuotaProjected": 3}
        else:
            self.tolerated = frozenset({"EtcdQuotaProjected"})

    def enter(self, stack: Stack) -> None:
        client = Client(stack.etcd, stack.etcd.members[0])
        try:
            for number in range(1000):
                client.write(f"fill/{number:04}", bytes(self.FILL))
        except LabError as error:
            if "space exceeded" not in str(error):
                raise
        finally:
            client.close()

    def leave(self, stack: Stack) -> None:
        etcd = stack.etcd
        etcd.etcdctl("del", "--prefix", "fill/")
        client = Client(etcd, etcd.members[0])
        status = etcd.status()[etcd.members[0].name]
        client.compact(int(status["header"]["revision"]))
        client.close()
        for member in etcd.members:
            etcd.etcdctl("defrag", "--command-timeout=30s", endpoints=[member.client_url])
        etcd.etcdctl("alarm", "disarm")


class WrongCluster(Situation):
    name = "stranger"
    what = "an endpoint of another cluster is configured"
    expected = {"EtcdEndpointWrongCluster": 1}
    backups = {"EtcdEndpointWrongCluster": SUCCEEDED}

    def enter(self, stack: Stack) -> None:
        pairs = Ports.pairs(ports.claim(2))
        directory = stack.state / "stranger"
        self.stranger = EtcdCluster(directory, pairs, stack.certificates, release=stack.release)
        self.stranger.__enter__()
        stack.configure(endpoints=self.stranger.endpoints)

    def leave(self, stack: Stack) -> None:
        stack.configure()
        self.stranger.stop()


class QuorumLost(Situation):
    name = "quorum"
    what = "two members of three are killed"
    expected = {
        "EtcdQuorumLost": 1,
        "EtcdNoFaultTolerance": 1,
        "EtcdMemberUnreachable": 2,
        "EtcdMemberNoLeader": 1,
    }
    silenced = frozenset(expected) - {"EtcdQuorumLost"}
    backups = {"EtcdQuorumLost": SUCCEEDED}
    # The alert that silences it comes a second before, and not a minute.
    hasty = frozenset({"EtcdMemberUnreachable"})

    def enter(self, stack: Stack) -> None:
        self.killed = stack.etcd.members[1:]
        for member in self.killed:
            member.kill()

    def leave(self, stack: Stack) -> None:
        for member in self.killed:
            member.start()


class CertificateExpires(Situation):
    name = "certificate"
    what = "etcd-warden's client certificate has one day left"
    expected = {"EtcdCertificateExpiring": 1, "EtcdCertificateExpiringSoon": 1}
    silenced = frozenset({"EtcdCertificateExpiring"})

    def enter(self, stack: Stack) -> None:
        directory = stack.state / "short-lived"
        stack.certificates.issue_client(directory, 1)
        stack.configure(tls=directory)

    def leave(self, stack: Stack) -> None:
        stack.configure()


class BackupsFail(Situation):
    """A file system of its own holds the catalogue."""

    name = "diskfull"
    what = "the disk of the backups is full"
    expected = {"EtcdBackupFailing": 1, "EtcdBackupTooOld": 1, "EtcdBackupStoreLow": 1}
    silenced = frozenset({"EtcdBackupFailing"})
    backups = {"EtcdBackupTooOld": FAILED}
    SIZE, LEFT = 100 << 20, 2 << 20
    OFTEN = {"schedules": [{"every": "10s"}], "objective": "20s"}

    def prepare(self, stack: Stack) -> None:
        self.disk = stack.state / "disk"
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}", "none", str(self.disk)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NotHere(f"no file system can be mounted: {done.stderr.strip()}")
        stack.running.callback(self._unmount)
        stack.new_catalogue(directory=str(self.disk / "backups"), **self.OFTEN)

    def enter(self, stack: Stack) -> None:
        self.filler = self.disk / "filler"
        free = shutil.disk_usage(self.disk).free
        with self.filler.open("wb") as file:
            file.write(bytes(free - self.LEFT))

    def leave(self, stack: Stack) -> None:
        self.filler.unlink()

    def _unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.disk)], check=True)


class WardenStopped(Situation):
    name = "exporter"
    what = "etcd-warden is stopped"
    expected = {"EtcdWardenDown": 1, "EtcdWardenInstanceDown": 1}
    silenced = frozenset({"EtcdWardenInstanceDown"})
    warden_runs = False

    def enter(self, stack: Stack) -> None:
        stack.warden.stop()

    def leave(self, stack: Stack) -> None:
        stack.warden.start()
        stack.warden.wait_ready()


class AlertmanagerStopped(Situation):
    name = "alertmanager"
    what = "Alertmanager is stopped"
    expected = {"EtcdWardenHeartbeatMissing": 1}
    alertmanager_runs = False

    def enter(self, stack: Stack) -> None:
        stack.alertmanager.stop()

    def leave(self, stack: Stack) -> None:
        stack.alertmanager.start()
        stack.alertmanager.wait_ready()


class TwoWardens(MemberKilled):
    """The numbers of the alerts are those of one."""

    name = "two"
    what = "a member is killed while two etcd-wardens watch"

    def prepare(self, stack: Stack) -> None:
        section = cluster_section(
            stack.etcd,
            CLUSTER,
            discover=True,
            expected_members=3,
            backup={"directory": "backups-second", "schedules": [{"every": "12h"}]},
        )
        config = write_config(stack.state / "second.yaml", [section])
        self.second = WardenThatEndsWell(BINARY, config, stack.state / "second.log")
        stack.running.enter_context(self.second)
        self.second.wait_ready()
        stack.scrape_wardens(stack.warden.address, self.second.address)
        wait_until(
            lambda: len(stack.prometheus.query("etcdwarden_up == 1")) == 2,
            30,
            "Prometheus scrapes both",
            watch=[self.second, stack.prometheus],
        )
        stack.new_catalogue()

    def leave(self, stack: Stack) -> None:
        super().leave(stack)
        stack.scrape_wardens(stack.warden.address)
        self.second.stop()


class NotHere(Exception):
    """This machine does not let the situation come about."""


SITUATIONS: tuple[type[Situation], ...] = (
    HashMismatch,  # the first: it waits for a check, and later ones do without
    MemberKilled,
    MemberStopped,
    QuorumLost,
    LearnerForgotten,
    WrongCluster,
    CertificateExpires,
    BackupsFail,
    TwoWardens,
    WardenStopped,
    AlertmanagerStopped,
    NoSpace,
)
