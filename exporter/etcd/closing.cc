#include "exporter/etcd/closing.h"

namespace warden::etcd {
namespace {

// Whether the view keeps the outcome of MemberList.
bool MayList(const RpcOutcome<MemberStatus>& status) {
  if (status.ok()) return !status.value->is_learner;
  return status.error->reason == Reason::kPermissionDenied;
}

}  // namespace

void CloseEndpoint(EndpointView& endpoint, const Closing& closing, bool early) {
  auto& status = endpoint.status;
  auto& list = endpoint.member_list;
  if (!status.value && !status.error) {
    status = Failure<MemberStatus>(closing.missing, closing.started, closing.now);
  }
  // A learner's refusal where Status shows a voter: it was promoted between the two answers.
  const bool was_learner = list && list->error && list->error->reason == Reason::kLearner;
  if (!MayList(status) || was_learner) {
    list.reset();
  } else if (!list) {
    list = Failure<MemberList>(closing.missing, early ? closing.started : status.finished,
                               closing.now);
  }
  if (!list || !list->ok()) endpoint.list_sender.reset();
}

}  // namespace warden::etcd
