"""Asking every etcd version the same: tests that are written once, and run for each minor."""

import json
import unittest
from collections.abc import Sequence
from typing import Any

from support import etcd_release
from watched import WatchedTest

from lab.exposition import Page
from lab.release import Release

MINORS = ("3.4", "3.5", "3.6", "3.7")


class VersionTest(WatchedTest):
    """Clusters of one version."""

    minor: str
    release: Release

    @classmethod
    def setUpClass(cls) -> None:
        cls.release = etcd_release(cls.minor)
        super().setUpClass()

    @classmethod
    def since(cls, minor: str) -> bool:
        """Whether this version is of that minor or newer."""
        return MINORS.index(cls.minor) >= MINORS.index(minor)

    @classmethod
    def listed(cls) -> dict[str, dict[str, Any]]:
        """etcdctl's member list, by id."""
        listed = json.loads(cls.cluster.etcdctl("member", "list", "-w", "json"))["members"]
        return {f"{member['ID']:x}": member for member in listed}

    def assert_labels(self, page: Page, name: str, expected: list[dict[str, str]]) -> None:
        """The family's series have the value 1 and, besides the cluster's name, these labels."""
        found = page.select(name)
        self.assertEqual({1.0}, {sample.value for sample in found}, name)
        self.assertCountEqual(
            [labels | {"etcd_cluster": "lab"} for labels in expected],
            [sample.labels for sample in found],
        )


def for_every_minor(
    loader: unittest.TestLoader, cases: Sequence[type[VersionTest]]
) -> unittest.TestSuite:
    """For a file's `load_tests`: Auth stands for Auth_3_4, Auth_3_5 and so on, so that `-k _3_6`
    runs what is of 3.6, and `-k Auth_3_6` one class of it."""
    suite = unittest.TestSuite()
    for minor in MINORS:
        for case in cases:
            name = f"{case.__name__}_{minor.replace('.', '_')}"
            members = {"minor": minor, "__module__": case.__module__, "__doc__": case.__doc__}
            suite.addTest(loader.loadTestsFromTestCase(type(name, (case,), members)))
    return suite
