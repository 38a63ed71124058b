// Who of a restored cluster answers, and who answers that ought not to. Pure.
#pragma once

#include "exporter/etcd/view.h"
#include "exporter/restore/check.h"

namespace warden::restore {

// The members there ought to be: those of the plan or, without one, whoever is listed.
etcd::MemberList WantedMembers(const ExpectedCluster& expected, const ClusterAnswers& answers);

// Every one of them answers, with the ids that it was given, and nobody else.
ClusterCheck JudgeMembers(const ExpectedCluster& expected, const ClusterAnswers& answers);

}  // namespace warden::restore
