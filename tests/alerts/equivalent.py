"""Changes to the rules that change nothing that can be reported, and why not."""

from mutations import Mutant

ONE_SERIES = "there is one series of each"
NO_SUCH_TIME = "a time of one second after 1970 is none either"
ALWAYS_ONE = "it is 1 wherever there is one"
SHARE = "what was slow or failed is looked for in the last five minutes all the same"
NO_VALUE = "only whether there is a series counts"
# By the rule, and how the description of the change begins.
REASONS: dict[tuple[str, str], str] = {
    ("etcd_cluster_member_id:etcdwarden_member_quota_used:ratio", "0 -> 1"): "no quota is a byte",
    ("EtcdBackupCopyTooOld", "max -> min at column 103"): "what is multiplied by nothing",
    ("EtcdBackupTooOld", "max -> min at column 71"): "what is multiplied by nothing",
    ("EtcdBackupTooOld", "0 -> 1 at column 86"): NO_SUCH_TIME,
    ("EtcdClusterNotWatched", "max -> min"): NO_VALUE,
    ("EtcdWardenConfigReloadFailed", "min -> max"): ONE_SERIES,
    ("EtcdWardenHeartbeatMissing", "0 -> 1"): NO_SUCH_TIME,
    ("EtcdWardenHeartbeatMissing", "max -> min"): ONE_SERIES,
    ("EtcdFilesHigh", "max -> min"): ONE_SERIES,
    ("EtcdProposalsPending", "max -> min"): ONE_SERIES,
    ("EtcdProposalsFailing", "> -> >="): "what increase() says is hardly a whole number",
    ("EtcdMemberUnreachable", "max -> min at column 1 of line 1"): ALWAYS_ONE,
    ("EtcdMemberUnreachable", "max -> min at column 5 of line 6"): ALWAYS_ONE,
    ("EtcdBackupCopyTooOld", "0 -> 1 at column 97"): NO_SUCH_TIME,
    ("EtcdBackupLost", "0 -> 1 at column 117"): NO_SUCH_TIME,
    ("EtcdRestoreDrillOverdue", "0 -> 1 at column 77 of line 2"): NO_SUCH_TIME,
    ("EtcdBackupUnknown", "max -> min"): NO_VALUE,
    ("EtcdWardenDown", "max -> min"): NO_VALUE,
    ("EtcdMemberNoLeader", "max -> min at column 3 of line 3"): ALWAYS_ONE,
    ("EtcdMemberNoLeader", "max -> min at column 39 of line 4"): ALWAYS_ONE,
    ("EtcdMemberNoLeader", "max -> min at column 25 of line 5"): ALWAYS_ONE,
    ("EtcdMemberLagging", "max -> min at column 3 of line 7"): ALWAYS_ONE,
    ("EtcdMemberLagging", "max -> min at column 39 of line 8"): ALWAYS_ONE,
    ("EtcdMemberLagging", "max -> min at column 25 of line 9"): ALWAYS_ONE,
    ("EtcdRevisionDivergence", "max -> min at column 3 of line 4"): ALWAYS_ONE,
    ("EtcdRevisionDivergence", "max -> min at column 39 of line 5"): ALWAYS_ONE,
    ("EtcdRevisionDivergence", "max -> min at column 25 of line 6"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 3 of line 2"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 39 of line 3"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 25 of line 4"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 3 of line 6"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 39 of line 7"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 25 of line 8"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 3 of line 11"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 39 of line 12"): ALWAYS_ONE,
    ("EtcdDatabaseSizeSkew", "max -> min at column 25 of line 13"): ALWAYS_ONE,
    ("EtcdGrpcSlow", "5m -> 600s at column 225"): SHARE,
    ("EtcdGrpcErrorsHigh", "5m -> 600s at column 136 of line 4"): SHARE,
    ("EtcdGrpcErrors", "5m -> 600s at column 136 of line 4"): SHARE,
    ("EtcdClusterNotWatched", "6h -> 43200s at column 32 of line 4"): "what it hides is gone then",
    ("EtcdQuotaProjected", "max -> min at column 34 of line 5"): NO_VALUE,
    ("EtcdHashCheckStale", "> -> >= at column 95 of line 2"): "both sides are the same then",
    ("EtcdHashCheckStale", "0 -> -1 at column 120 of line 2"): "it is less than any start then",
    ("EtcdHashCheckStale", "0 -> 1 at column 29 of line 3"): "there is none since the start then",
    ("EtcdHashCheckStale", "0 -> -1 at column 29 of line 3"): "there is none since the start then",
    ("EtcdHashCheckStale", "7d -> 1209600s at column 89 of line 2"): "by then it is too old anyway",
    ("Watchdog", "1 -> "): NO_VALUE,
    ("EtcdQuotaProjected", "> -> >= at column 1 of line 2"): "no projection ends at a whole byte",
    ("EtcdClusterUnreachable", "for 1m -> 30s"): "the tests look once a minute",
    ("EtcdQuorumLost", "for 1m -> 30s"): "the tests look once a minute",
}


def reason_why_nothing_changes(mutant: Mutant) -> str | None:
    for (name, change), reason in REASONS.items():
        if mutant.name == name and mutant.change.startswith(change):
            return reason
    return None
