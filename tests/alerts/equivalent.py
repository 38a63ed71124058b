"""Changes to the rules that change nothing that etcd-warden can ever report."""

from mutations import Mutant


def reason_why_nothing_changes(mutant: Mutant) -> str | None:
    return None
