#!/usr/bin/env -S python3 -B
"""`restore run --kubeadm` on three control-plane nodes: all at once, one after the other, and with
a node on which it fails. A stand-in kubelet runs real etcd of whatever the manifests say."""

import json
import shutil
import signal
import subprocess
import unittest
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from restores import RestoreTest
from support import BINARY, sha256_of

from lab import ports
from lab.certificates import Certificates
from lab.etcd import EtcdCluster, EtcdMember, Ports
from lab.process import Process, environment
from lab.waiting import wait_until

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
IN_CONTAINER = "/var/lib/etcd"
KEYS = {f"key/{number}": f"value {number}" for number in range(20)}
TIMEOUT = "--timeout=60s"


class Node:
    """A machine with a kubelet, an etcd and a control plane."""

    def __init__(self, member: EtcdMember, cluster: EtcdCluster, server: str) -> None:
        self.member = member
        self.name = member.name
        self.directory = cluster.directory / f"node-of-{member.name}"
        self.manifests = self.directory / "manifests"
        self.manifests.mkdir(parents=True)
        self.etcd = self.directory / "etcd"  # the program, or what takes its place
        self.install(server)
        assert cluster.certificates
        self.certificates = certificates = cluster.certificates
        mounts = {IN_CONTAINER: member.data, str(certificates.directory): certificates.directory}
        data = f"--data-dir={IN_CONTAINER}"
        flags = [data if "--data-dir=" in flag else flag for flag in member.argv[1:]]
        self._write("etcd", f"registry.k8s.io/etcd:{cluster.release.version}-0", flags, mounts)
        self.ports = ports.claim(len(CONTROL_PLANE))
        for name, port in zip(CONTROL_PLANE, self.ports, strict=True):
            self._write(name, f"registry.k8s.io/{name}:v1.30.0", [f"--secure-port={port}"], {})
        self.written = self.contents()
        kubelet = Path(__file__).with_name("kubelet")
        argv = [kubelet, f"--manifests={self.manifests}", f"--etcd={self.etcd}"]
        argv.append(f"--logs={self.directory}")
        self.kubelet = Process(f"kubelet of {self.name}", argv, self.directory / "kubelet.log")

    def install(self, server: str) -> None:
        self.etcd.unlink(missing_ok=True)
        self.etcd.symlink_to(shutil.which(server) or server)

    def contents(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.manifests.iterdir()}

    def command(self, *flags: str) -> list[str]:
        certificates = self.certificates
        return [
            str(BINARY), "restore", "run", "--kubeadm", f"--member={self.name}",
            f"--manifests-dir={self.manifests}", f"--cacert={certificates.ca}",
            f"--cert={certificates.client_cert}", f"--key={certificates.client_key}", *flags,
        ]  # fmt: skip

    def _write(
        self, name: str, image: str, flags: Sequence[str], mounts: dict[str, Path]
    ) -> None:
        names = {path: f"volume-{number}" for number, path in enumerate(mounts)}
        container: dict[str, Any] = {
            "name": name,
            "image": image,
            "command": [name, *flags],
            "volumeMounts": [{"name": names[path], "mountPath": path} for path in mounts],
        }
        volumes = [
            {"name": names[path], "hostPath": {"path": str(host), "type": "DirectoryOrCreate"}}
            for path, host in mounts.items()
        ]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"hostNetwork": True, "containers": [container], "volumes": volumes},
        }
        (self.manifests / f"{name}.yaml").write_text(json.dumps(pod, indent=2))


class Nodes:
    """Three of them, and the cluster that they are. As a context manager their kubelets run."""

    def __init__(self, cluster: EtcdCluster) -> None:
        self.cluster = cluster
        server = cluster.release.server
        self.all = [Node(member, cluster, server) for member in cluster.members]

    def __enter__(self) -> Self:
        for node in self.all:
            node.kubelet.start()
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.all:
            node.kubelet.kill()

    def wait_healthy(self) -> None:
        watch = [node.kubelet for node in self.all]
        health = ("endpoint", "health", "--command-timeout=2s")
        wait_until(lambda: self.cluster.etcdctl(*health) or True, 30, "etcd is healthy", watch)


class Kubeadm(RestoreTest):
    minor = "3.4"  # which every machine has
    certificates: Certificates

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.certificates = Certificates.create(cls.state / "pki")

    def start(self, name: str) -> tuple[Nodes, Path]:
        """Nodes that have lived, and a plan of what they had."""
        pairs = Ports.pairs(ports.claim(6))
        cluster = self.make_cluster(name, pairs, self.certificates)
        nodes = self.enterContext(Nodes(cluster))
        nodes.wait_healthy()
        for key, value in KEYS.items():
            cluster.etcdctl("put", key, value)
        snapshot = cluster.directory / "snapshot.db"
        cluster.etcdctl("snapshot", "save", str(snapshot), endpoints=cluster.endpoints[:1])
        cluster.etcdctl("put", "key/late", "is lost")
        plan = cluster.directory / "plan.json"
        places = [f"--data-dir={member.name}={member.data}" for member in cluster.members]
        self.make_plan(snapshot, plan, f"--etcd-version={cluster.release.version}", *places)
        return nodes, plan

    def break_data(self, nodes: Nodes) -> None:
        """One database is gone, one is no database, and what is left has no quorum."""
        first, second, _ = nodes.all
        for node in (first, second):
            database = node.member.data / "member" / "snap" / "db"
            database.unlink()
        database.write_bytes(b"\0" * 70_000)

    def begin(self, node: Node, plan: Path, *flags: str) -> subprocess.Popen[str]:
        argv = node.command(f"--plan={plan}", "--yes", *flags)
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment(),
        )  # fmt: skip

    def end(self, run: subprocess.Popen[str], code: int = 0) -> str:
        output, _ = run.communicate(timeout=90)
        self.assertEqual(code, run.returncode, output)
        return output

    def run_on(self, node: Node, plan: Path, *flags: str, code: int = 0) -> str:
        return self.end(self.begin(node, plan, *flags), code)

    def assert_restored(self, nodes: Nodes) -> None:
        """Every member has what the snapshot had, nothing else, and everything runs as before."""
        nodes.wait_healthy()
        for member in nodes.cluster.members:
            found = nodes.cluster.etcdctl("get", "key/", "--prefix", endpoints=[member.client_url])
            lines = found.split("\n")[:-1]
            self.assertEqual(KEYS, dict(zip(lines[::2], lines[1::2], strict=True)))
            nodes.cluster.etcdctl("put", f"new/{member.name}", "x", endpoints=[member.client_url])
        for node in nodes.all:
            self.assert_node_is_whole(node)

    def assert_node_is_whole(self, node: Node) -> None:
        self.assertEqual(node.written, node.contents())
        self.assertEqual([], list(node.directory.glob("etcd-warden-restore-*")))
        wait_until(lambda: not any(map(ports.is_free, node.ports)), 10, "all of it runs")

    def test_all_at_once(self) -> None:
        nodes, plan = self.start("parallel")
        self.break_data(nodes)
        runs = [self.begin(node, plan, TIMEOUT) for node in nodes.all]
        outputs = [self.end(run) for run in runs]
        self.assert_restored(nodes)
        for node, output in zip(nodes.all, outputs, strict=True):
            self.assertIn(f"done: {node.name} runs on the data of the snapshot", output)
            [kept] = node.member.data.parent.glob(f"{node.name}.pre-restore-*")
            self.assertTrue((kept / "member").is_dir())
            [receipt] = node.member.data.parent.glob(f"{node.name}.restore-2*.json")
            self.assertEqual("done", json.loads(receipt.read_text())["state"])

    def test_one_after_the_other(self) -> None:
        nodes, plan = self.start("sequence")
        for until in ("stopped", "swapped", "etcd"):
            for node in nodes.all:
                output = self.run_on(node, plan, TIMEOUT, f"--until={until}")
                self.assertIn(f'ends here, after "{until}"', output)
                self.assertEqual(until == "etcd", "etcd.yaml" in node.contents())
                self.assertTrue(all(map(ports.is_free, node.ports)))
        for node in nodes.all:
            self.run_on(node, plan, TIMEOUT)
        self.assert_restored(nodes)

    def test_a_failure_on_the_second_node(self) -> None:
        nodes, plan = self.start("failure")
        self.break_data(nodes)
        _, second, _ = nodes.all
        damaged = second.member.data / "member" / "snap" / "db"
        before = sha256_of(damaged)
        second.install("false")  # its image is broken, say
        others = [self.begin(node, plan, TIMEOUT) for node in nodes.all if node is not second]
        output = self.run_on(second, plan, "--timeout=6s", code=1)
        self.assertIn("everything is back where it was", output)
        self.assertIn("does not listen", output)
        self.assertEqual(before, sha256_of(damaged))
        self.assert_node_is_whole(second)
        for run in others:  # two are a quorum
            self.end(run)
        # The old data and a working etcd: the others are of another cluster already.
        second.install(nodes.cluster.release.server)
        self.run_on(second, plan, TIMEOUT)
        self.assert_restored(nodes)

    def test_interrupted(self) -> None:
        """Ctrl-C goes back at once; after a kill, `restore undo` does. Before that: what is only
        printed, or refused before anything moves."""
        nodes, plan = self.start("interrupted")
        first = nodes.all[0]
        described = self.command.run(*first.command(f"--plan={plan}", "--dry-run")[1:])
        self.assertEqual((0, ""), (described.returncode, described.stderr))
        for node in nodes.all:
            self.assertIn(f"node of {node.name} ({node.member.peer_url}):\n", described.stdout)
        wrong = first.command(f"--plan={plan}", "--yes")
        wrong[wrong.index("--member=etcd-1")] = "--member=etcd-2"
        words = 'etcd.yaml is of the member "etcd-1", not of "etcd-2"'
        self.assert_refused(self.command.run(*wrong[1:]), 1, words)
        refused = subprocess.run(
            first.command(f"--plan={plan}"), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        self.assert_refused(refused, 2, "standard input is no terminal", "--yes")
        self.assert_alive(nodes, first)
        for number in (signal.SIGINT, signal.SIGKILL):
            run = self.begin(first, plan, TIMEOUT)
            assert run.stdout
            for line in run.stdout:
                if "not seen down yet" in line:
                    break
            self.assertEqual({}, first.contents())
            run.send_signal(number)
            if number == signal.SIGINT:
                self.assertIn("everything is back where it was", self.end(run, 1))
            else:
                self.end(run, -number)
                self.undo(first.member.data)
            self.assert_alive(nodes, first)

    def assert_alive(self, nodes: Nodes, node: Node) -> None:
        """The old cluster, with that node."""
        self.assert_node_is_whole(node)
        nodes.wait_healthy()
        late = nodes.cluster.etcdctl("get", "key/late", endpoints=[node.member.client_url])
        self.assertEqual("key/late\nis lost\n", late)
        left = [path.name for path in node.member.data.parent.glob(f"{node.name}.*restore-*")]
        self.assertEqual([], [name for name in left if not name.endswith(".json")])


if __name__ == "__main__":
    unittest.main()
