// What a fake cluster answers with: an observation that has ended, and the script of a stream.
#pragma once

#include <utility>
#include <vector>

#include "exporter/etcd/cluster.h"
#include "tests/support/snapshot_stream.h"

namespace warden::testing {

// An observation that was over before it began.
class FinishedObservation final : public etcd::Observation {
 public:
  FinishedObservation(etcd::ClusterView view, SteadyTime deadline)
      : view_(std::move(view)), deadline_(deadline) {}
  const etcd::ClusterView& Wait() override { return view_; }
  bool done() const override { return true; }
  SteadyTime deadline() const override { return deadline_; }

 private:
  const etcd::ClusterView view_;
  const SteadyTime deadline_;
};

// The messages of one stream and how it ends.
struct StreamScript {
  std::vector<StreamMessage> messages;
  Status end;
  // After the messages it says nothing until it is cancelled or the test calls Resume.
  bool hangs = false;
  etcd::Reason reason = etcd::Reason::kOther;  // of an `end` that is a failure
};

}  // namespace warden::testing
