// How one call went, and what stays of an endpoint's calls when its view is closed.
#pragma once

#include <optional>
#include <utility>

#include "exporter/etcd/view.h"

namespace warden::etcd {

template <typename T>
RpcOutcome<T> Failure(const RpcError& error, SteadyTime started, SteadyTime finished) {
  RpcOutcome<T> outcome;
  outcome.error = error;
  outcome.duration = finished - started;
  outcome.finished = finished;
  return outcome;
}

template <typename T>
RpcOutcome<T> Success(T value, SteadyTime started, SteadyTime finished) {
  RpcOutcome<T> outcome;
  outcome.value = std::move(value);
  outcome.duration = finished - started;
  outcome.finished = finished;
  return outcome;
}

// What holds for the calls that did not come back.
struct Closing {
  RpcError missing;  // why they did not
  SteadyTime started;
  SteadyTime now;
};

// Completes the endpoint's view, and takes out the member list that was asked for too early: of a
// learner, or beside a Status that failed. `early` says that it was asked for along with Status.
void CloseEndpoint(EndpointView& endpoint, const Closing& closing, bool early);

}  // namespace warden::etcd
