#!/usr/bin/env -S python3 -B
"""Does the page say what etcdctl says, in every situation and for every version of etcd?"""

import json
import re
import time
import unittest

from support import etcd_release, write_config
from versions import MINORS, VersionTest, for_every_minor

from lab import keys, ports, web
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.release import SnapshotStatus
from lab.waiting import LabError, wait_until

MEBIBYTE = 1 << 20
BUDGET = 2.0


class Healthy(VersionTest):
    """Three members; what is asked of them with and without TLS."""

    tls: bool

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        certificates = Certificates.create(cls.state / "pki") if cls.tls else None
        cls.watch(cls.start_cluster(certificates=certificates, release=cls.release))
        keys.fill(cls.cluster, 50, 1_000)

    def test_values_agree_with_etcdctl(self) -> None:
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_agrees_with_etcdctl(page, statuses)
        self.assertEqual({self.release.version}, {each["version"] for each in statuses.values()})
        self.assert_labels(
            page,
            "member_info",
            [
                {
                    "etcd_endpoint": member.client_url,
                    "member_id": self.ids[member.name],
                    "member": member.name,
                    "cluster_id": f"{statuses[member.name]['header']['cluster_id']:x}",
                    "version": self.release.version,
                    "storage_version": statuses[member.name].get("storageVersion", ""),
                }
                for member in self.cluster.members
            ],
        )
        self.assert_labels(
            page,
            "member_leader_info",
            [
                {"member_id": self.ids[name], "leader_id": f"{status['leader']:x}"}
                for name, status in statuses.items()
            ],
        )

    def test_what_this_version_does_not_say_is_absent(self) -> None:
        page, statuses = self.settled()
        every = [self.ids[name] for name in statuses]
        quotas = {self.ids[name]: each.get("dbSizeQuota") for name, each in statuses.items()}
        told = quotas if self.since("3.6") else {}
        self.assertEqual(told, page.by_label("member_quota_bytes", "member_id"))
        downgrades = dict.fromkeys(every, 0.0) if self.since("3.6") else {}
        self.assertEqual(downgrades, page.by_label("member_downgrade_enabled", "member_id"))
        self.assertEqual([], page.select("member_downgrade_target_info"))
        quorum_read = 1.0 if self.since("3.5") else None
        self.assertEqual(quorum_read, page.value("cluster_quorum_read_success"))

    def test_the_cluster_is_whole(self) -> None:
        page = self.warden.page()
        listed = dict.fromkeys(self.listed(), 1.0)
        self.assertEqual(set(self.ids.values()), set(listed))
        for name in ("member_listed", "member_up", "member_started", "member_has_leader"):
            self.assertEqual(listed, page.by_label(name, "member_id"), name)
        for name in ("member_listed_as_learner", "member_errors"):
            self.assertEqual(dict.fromkeys(listed, 0.0), page.by_label(name, "member_id"), name)
        every = dict.fromkeys(self.cluster.endpoints, 1.0)
        self.assertEqual(every, page.by_label("endpoint_up", "etcd_endpoint"))
        for rpc in ("status", "member_list"):
            answered = page.by_label("endpoint_rpc_success", "etcd_endpoint", rpc=rpc)
            self.assertEqual(every, answered, rpc)
        tls = dict.fromkeys(every, float(self.tls))
        self.assertEqual(tls, page.by_label("endpoint_tls", "etcd_endpoint"))
        self.assert_three_healthy_voters(page)

    def test_times_fit_into_each_other(self) -> None:
        started = time.time()
        page = self.warden.page(BUDGET)
        budget = page.value("scrape_timeout_seconds") or 0
        self.assertTrue(0 < budget < BUDGET, budget)
        whole = page.value("scrape_duration_seconds") or 0
        self.assertTrue(0 < whole <= budget, whole)
        for rpc in ("status", "member_list"):
            each = page.by_label("endpoint_rpc_duration_seconds", "etcd_endpoint", rpc=rpc)
            self.assertEqual(set(self.cluster.endpoints), set(each))
            self.assertTrue(all(0 < duration <= whole for duration in each.values()), each)
        skew = page.value("scrape_sample_skew_seconds")
        self.assertTrue(skew is not None and 0 <= skew <= whole, skew)
        self.assertEqual(0, page.value("scrape_shared"))
        fetched = page.value("cluster_member_list_timestamp_seconds") or 0
        self.assertTrue(started - 1 <= fetched <= time.time() + 1, fetched)

    def test_a_scrape_writes_no_raft_entry(self) -> None:
        _, before = self.settled()
        for _ in range(5):
            self.warden.page()
        after = self.cluster.status()
        for name, status in before.items():
            self.assertEqual(status["raftIndex"], after[name]["raftIndex"])

    def test_the_tools_of_this_version_accept_a_snapshot(self) -> None:
        ours, theirs = self.state / "ours.db", self.state / "theirs.db"
        self.command.output("snapshot", "save", ours, *self.cluster.client_flags())
        first = self.cluster.endpoints[:1]
        self.cluster.etcdctl("snapshot", "save", str(theirs), endpoints=first)
        saved, expected = (SnapshotStatus.of(file, self.release) for file in (ours, theirs))
        self.assertEqual(expected.revision, saved.revision)
        self.assertEqual(expected.total_keys, saved.total_keys)
        restored = EtcdCluster(
            self.state / "restored", Ports.pairs(ports.claim(2)), release=self.release
        )
        restored.restore(ours)
        with restored:
            self.assertEqual(50, keys.count_keys(restored))


class PlainText(Healthy):
    tls = False

    def test_a_downgrade_is_shown_while_it_is_under_way(self) -> None:
        if not self.since("3.6"):
            self.skipTest(f"etcd {self.minor} cannot be downgraded")
        target = MINORS[MINORS.index(self.minor) - 1]
        self.cluster.etcdctl("downgrade", "enable", target)
        self.addCleanup(self.cluster.etcdctl, "downgrade", "cancel")
        every = dict.fromkeys(self.ids.values(), 1.0)
        wait_until(
            lambda: self.warden.page().by_label("member_downgrade_enabled", "member_id") == every,
            10,
            "every member knows of the downgrade",
        )
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_labels(
            page,
            "member_downgrade_target_info",
            [
                {
                    "member_id": self.ids[name],
                    "target_version": status["downgradeInfo"]["targetVersion"],
                }
                for name, status in statuses.items()
            ],
        )
        for sample in page.select("member_downgrade_target_info"):
            self.assertRegex(sample.labels["target_version"], rf"^{re.escape(target)}(\.0)?$")

    def test_an_endpoint_of_another_cluster_is_told_apart(self) -> None:
        foreign = self.start_cluster("foreign", 1, release=self.release)
        section = {"name": "lab", "endpoints": self.cluster.endpoints + foreign.endpoints}
        warden = self.serve(write_config(self.state / "mixed.yaml", [section]))
        page = warden.page()
        self.assert_page_is_clean(page)
        self.assertEqual(2, page.value("cluster_distinct_cluster_ids"))
        self.assertEqual(1, page.value("cluster_endpoints_unknown"))
        self.assertEqual({"voter": 3, "learner": 0}, page.by_label("cluster_members", "role"))
        self.assertEqual(set(self.ids.values()), set(page.by_label("member_db_bytes", "member_id")))
        [status] = foreign.status().values()
        info = page.select("member_info", etcd_endpoint=foreign.endpoints[0])
        self.assertEqual(
            [f"{status['header']['cluster_id']:x}"], [each.labels["cluster_id"] for each in info]
        )


class Tls(Healthy):
    tls = True


class Membership(VersionTest):
    """Three voters, a learner, and a voter that was added but never started."""

    learner: EtcdMember
    learner_id: str
    unstarted_id: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cluster = cls.start_cluster(release=cls.release)
        learner_ports, unstarted_ports = Ports.pairs(ports.claim(4))
        cls.learner = cluster.add_member("learner", learner_ports, learner=True)
        cls.learner.start()
        wait_until(
            lambda: "learner" in cluster.status(), 30, "the learner answers", watch=[cls.learner]
        )
        cluster.add_member("unstarted", unstarted_ports)
        cls.watch(cluster, [*cluster.endpoints, cls.learner.client_url])
        cls.learner_id = cls.ids["learner"]
        [cls.unstarted_id] = set(cls.listed()) - set(cls.ids.values())

    def test_the_learner_is_one_by_list_and_by_itself(self) -> None:
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_agrees_with_etcdctl(page, statuses)
        by_itself = {identity: float(name == "learner") for name, identity in self.ids.items()}
        self.assertEqual(by_itself, page.by_label("member_is_learner", "member_id"))
        self.assertEqual(
            by_itself | {self.unstarted_id: 0.0},
            page.by_label("member_listed_as_learner", "member_id"),
        )
        self.assertEqual({"voter": 4, "learner": 1}, page.by_label("cluster_members", "role"))

    def test_the_learner_is_never_asked_for_the_member_list(self) -> None:
        for _ in range(3):
            page = self.warden.page()
        url = self.learner.client_url
        self.assertEqual(1, page.value("endpoint_up", etcd_endpoint=url))
        for name in ("endpoint_rpc_success", "endpoint_rpc_duration_seconds"):
            asked = page.by_label(name, "rpc", etcd_endpoint=url)
            self.assertEqual({"status"}, set(asked), name)
        self.assertGreaterEqual(self.calls_at(self.learner, "Status"), 3)
        self.assertEqual(0, self.calls_at(self.learner, "MemberList"))
        self.assertGreaterEqual(self.calls_at(self.cluster.members[0], "MemberList"), 3)

    def calls_at(self, member: EtcdMember, method: str) -> float:
        """How many such calls the member itself counted."""
        lines = web.request(f"{member.client_url}/metrics").text.splitlines()
        return sum(
            float(line.rpartition(" ")[2])
            for line in lines
            if line.startswith("grpc_server_started_total{") and f'grpc_method="{method}"' in line
        )

    def test_status_names_the_unstarted_member_by_its_id(self) -> None:
        done = self.command.run("status", *self.cluster.client_flags())
        self.assertEqual(1, done.returncode)
        self.assertIn(
            f"\nmember {self.unstarted_id}: was added to the cluster but never started\n", done.stdout
        )

    def test_the_unstarted_member_counts_towards_quorum(self) -> None:
        page = self.warden.page()
        started = dict.fromkeys(self.ids.values(), 1.0) | {self.unstarted_id: 0.0}
        self.assertEqual(started, page.by_label("member_started", "member_id"))
        self.assertEqual(started, page.by_label("member_up", "member_id"))
        self.assertEqual(dict.fromkeys(started, 1.0), page.by_label("member_listed", "member_id"))
        self.assertEqual(3, page.value("cluster_voters_reachable"))
        self.assertEqual(0, page.value("cluster_failure_tolerance"))
        self.assertEqual(0, page.value("cluster_client_urls_uncovered"))
        self.assertEqual(0, page.value("cluster_endpoints_unknown"))


class Upgrade(VersionTest):
    """Two members of the minor before and one of this: half-way through an upgrade."""

    newer: EtcdMember

    @classmethod
    def setUpClass(cls) -> None:
        if cls.minor == MINORS[0]:
            raise unittest.SkipTest(f"no etcd before {cls.minor} is known here")
        super().setUpClass()
        cluster = cls.start_cluster(release=etcd_release(MINORS[MINORS.index(cls.minor) - 1]))
        cls.newer = cluster.follower()
        cls.newer.change_release(cls.release)
        cluster.wait_healthy()
        cluster.release = cls.release  # whose etcdctl understands every field
        cls.watch(cluster)

    def test_each_member_has_what_its_own_version_says(self) -> None:
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_agrees_with_etcdctl(page, statuses)
        self.assertEqual(2, page.value("cluster_distinct_versions"))
        self.assertEqual(1, page.value("cluster_distinct_leaders"))
        self.assertEqual(1, page.value("cluster_quorum_read_success"))
        versions = {
            each.labels["member"]: each.labels["version"] for each in page.select("member_info")
        }
        self.assertEqual({name: each["version"] for name, each in statuses.items()}, versions)
        self.assertEqual(self.release.version, versions[self.newer.name])
        quotas = {
            self.ids[name]: each["dbSizeQuota"]
            for name, each in statuses.items()
            if each.get("dbSizeQuota")
        }
        self.assertEqual({"3.5": 0, "3.6": 1, "3.7": 3}[self.minor], len(quotas))
        self.assertEqual(quotas, page.by_label("member_quota_bytes", "member_id"))
        downgrades = page.by_label("member_downgrade_enabled", "member_id")
        self.assertEqual(dict.fromkeys(quotas, 0.0), downgrades)


class LostQuorum(VersionTest):
    """One member of three is left: it answers, but knows no leader."""

    def test_the_last_member_says_that_it_has_no_leader(self) -> None:
        self.watch(self.start_cluster(release=self.release))
        last, *others = self.cluster.members
        for member in others:
            member.kill()
        last_id = self.ids[last.name]

        def has_no_leader() -> bool:
            return self.warden.page(BUDGET).value("member_has_leader", member_id=last_id) == 0

        wait_until(has_no_leader, 15, "the leader is given up")
        page = self.warden.page(BUDGET)
        self.assert_page_is_clean(page)
        up = {identity: float(identity == last_id) for identity in self.ids.values()}
        self.assertEqual(up, page.by_label("member_up", "member_id"))
        self.assertEqual({last_id: 1.0}, page.by_label("member_errors", "member_id"))
        self.assertEqual({last_id: 0.0}, page.by_label("member_is_leader", "member_id"))
        self.assertEqual([], page.select("member_leader_info"))
        for name, value in {
            "up": 1,
            "cluster_voters_reachable": 1,
            "cluster_failure_tolerance": -1,
            "cluster_distinct_leaders": 0,
            "cluster_quorum_read_success": 0 if self.since("3.5") else None,
        }.items():
            self.assertEqual(value, page.value(name), name)


class Corrupt(VersionTest):
    """etcd's own checks find no corruption here: the alarm is raised by hand."""

    def test_the_alarm_is_that_of_its_member_or_of_all(self) -> None:
        self.watch(self.start_cluster(release=self.release))
        first = self.ids[self.cluster.members[0].name]
        everybody = dict.fromkeys(self.ids.values(), 1.0)
        for number, raised in (
            (int(first, 16), {each: float(each == first) for each in everybody}),
            (0, everybody),
        ):
            with self.subTest(member=number):
                self.raise_alarm(number)
                page, statuses = self.settled()
                self.assert_page_is_clean(page)
                self.assert_agrees_with_etcdctl(page, statuses)
                shown = page.by_label("member_alarm", "member_id", alarm="CORRUPT")
                self.assertEqual(raised, shown)
                shown = page.by_label("member_alarm", "member_id", alarm="NOSPACE")
                self.assertEqual(dict.fromkeys(everybody, 0.0), shown)

    def raise_alarm(self, member: int) -> None:
        body = {"action": "ACTIVATE", "memberID": str(member), "alarm": "CORRUPT"}
        url = f"{self.cluster.endpoints[0]}/v3/maintenance/alarm"
        answer = web.request(url, "POST", json.dumps(body).encode())
        self.assertEqual(200, answer.status, answer.text)


class NoSpace(VersionTest):
    """A quota that a few writes exceed."""

    QUOTA = 2 * MEBIBYTE

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        flags = [f"--quota-backend-bytes={cls.QUOTA}"]
        cls.watch(cls.start_cluster(flags=flags, release=cls.release))

    def test_the_alarm_is_shown_as_long_as_it_is_raised(self) -> None:
        every = dict.fromkeys(self.ids.values(), 0.0)
        before = self.warden.page().by_label("member_alarm", "member_id", alarm="NOSPACE")
        self.assertEqual(every, before)
        with self.assertRaisesRegex(LabError, "database space exceeded"):
            keys.fill(self.cluster, 100, MEBIBYTE // 8)
        page, statuses = self.settled()
        self.assert_page_is_clean(page)
        self.assert_agrees_with_etcdctl(page, statuses)
        raised = self.raised()
        self.assertIn(1.0, raised.values())
        self.assertEqual(raised, page.by_label("member_alarm", "member_id", alarm="NOSPACE"))
        for alarm in ("CORRUPT", "UNKNOWN"):
            self.assertEqual(every, page.by_label("member_alarm", "member_id", alarm=alarm))

        self.cluster.etcdctl("alarm", "disarm")
        page, _ = self.settled()
        self.assertEqual(every, page.by_label("member_alarm", "member_id", alarm="NOSPACE"))

    def raised(self) -> dict[str, float]:
        """Which members have the alarm, says etcdctl."""
        listed = json.loads(self.cluster.etcdctl("alarm", "list", "-w", "json"))["alarms"]
        ids = {f"{alarm['memberID']:x}" for alarm in listed}
        return {identity: float(identity in ids) for identity in self.ids.values()}

    def test_a_quota_is_the_servers_own_or_the_configured_one(self) -> None:
        quota = dict.fromkeys(self.ids.values(), float(self.QUOTA))
        told = quota if self.since("3.6") else {}
        self.assertEqual(told, self.warden.page().by_label("member_quota_bytes", "member_id"))
        section = {
            "name": "configured",
            "endpoints": self.cluster.endpoints,
            "quota_backend_bytes": self.QUOTA if not self.since("3.6") else 2 * self.QUOTA,
        }
        page = self.serve(write_config(self.state / "configured.yaml", [section])).page()
        self.assertEqual(quota, page.by_label("member_quota_bytes", "member_id"))


def load_tests(
    loader: unittest.TestLoader, _tests: unittest.TestSuite, _pattern: str | None
) -> unittest.TestSuite:
    return for_every_minor(
        loader, [PlainText, Tls, Membership, Upgrade, LostQuorum, Corrupt, NoSpace]
    )


if __name__ == "__main__":
    unittest.main()
