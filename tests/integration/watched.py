"""A daemon that watches one cluster, and what etcdctl says of the same members."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from support import LabTest, cluster_section, write_config

from lab.etcd import EtcdCluster
from lab.exposition import Page
from lab.warden import Warden

Statuses = Mapping[str, Mapping[str, Any]]  # etcdctl's `endpoint status` by member name

MEMBER_VALUES: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "member_db_bytes": lambda status: status["dbSize"],
    "member_db_in_use_bytes": lambda status: status["dbSizeInUse"],
    "member_raft_term": lambda status: status["raftTerm"],
    "member_raft_index": lambda status: status["raftIndex"],
    "member_raft_applied_index": lambda status: status["raftAppliedIndex"],
    "member_revision": lambda status: status["header"]["revision"],
    "member_is_leader": lambda status: status["leader"] == status["header"]["member_id"],
    "member_is_learner": lambda status: status.get("isLearner", False),
    "member_errors": lambda status: len(status.get("errors") or []),
}


def member_id(status: Mapping[str, Any]) -> str:
    return f"{status['header']['member_id']:x}"


class WatchedTest(LabTest):
    """The class's cluster and daemon, once `watch` was called."""

    cluster: EtcdCluster
    warden: Warden
    ids: dict[str, str]  # member id by name

    @classmethod
    def watch(
        cls, cluster: EtcdCluster, endpoints: Sequence[str] | None = None, **sections: Any
    ) -> None:
        """Starts a daemon for the cluster, whose entry in the configuration has these sections."""
        cls.cluster = cluster
        cls.ids = {name: member_id(status) for name, status in cluster.status().items()}
        section = cluster_section(cluster, endpoints=endpoints, **sections)
        cls.warden = cls.start_warden(write_config(cls.state / "warden.yaml", [section]))
        cls.warden.page()  # the first scrape also connects

    def settled(self) -> tuple[Page, Statuses]:
        """A page, and what etcdctl says: the same before the page was made as after."""
        for _ in range(20):
            before, page, after = self.cluster.status(), self.warden.page(), self.cluster.status()
            if before == after:
                return page, after
            time.sleep(0.5)
        raise AssertionError("the cluster does not come to rest")

    def assert_three_healthy_voters(self, page: Page) -> None:
        """The roll-ups of a cluster in which nothing is wrong."""
        self.assertEqual({"voter": 3, "learner": 0}, page.by_label("cluster_members", "role"))
        for name, value in {
            "up": 1,
            "cluster_voters_reachable": 3,
            "cluster_failure_tolerance": 1,
            "cluster_distinct_cluster_ids": 1,
            "cluster_distinct_leaders": 1,
            "cluster_distinct_member_lists": 1,
            "cluster_distinct_versions": 1,
            "cluster_endpoints_unknown": 0,
            "cluster_client_urls_uncovered": 0,
        }.items():
            self.assertEqual(value, page.value(name), name)

    def assert_agrees_with_etcdctl(self, page: Page, statuses: Statuses) -> None:
        """The page has the values of these members, and of no others."""
        for metric, read in MEMBER_VALUES.items():
            with self.subTest(metric):
                said = {member_id(status): read(status) for status in statuses.values()}
                self.assertEqual(said, page.by_label(metric, "member_id"))
