"""A laboratory on loopback: real etcd, Prometheus, Alertmanager and etcd-warden, started and ended.

The quickstart is built from it, and the integration tests use it as well. Nothing here needs more
than Python's standard library and the Debian packages that deploy/dependencies installs.
"""
