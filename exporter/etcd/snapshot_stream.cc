#include "exporter/etcd/snapshot_stream.h"

#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <algorithm>
#include <array>

#include "exporter/base/text.h"
#include "exporter/etcd/errors.h"

namespace warden::etcd {
namespace {

// How soon a wish to stop is noticed.
constexpr Milliseconds kPoll{100};

// One streaming call, read message by message with a limit on each wait; a completion queue of its
// own gives a blocking read with a time-out, which the other gRPC interfaces do not have.
class Stream {
 public:
  Stream(Connections& connections, Connection& member, Milliseconds idle_timeout,
         const Deadline& deadline)
      : clock_(connections.clock), idle_timeout_(idle_timeout), deadline_(deadline) {
    Prepare(context_, deadline.at - clock_.Steady(), connections.tokens.Current().text);
    reader_ = member.maintenance->PrepareAsyncSnapshot(&context_, request_, &queue_);
    reader_->StartCall(this);
    open_ = Await();
  }

  ~Stream() {
    if (!finished_) {
      context_.TryCancel();
      Finish();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The next message, or nullptr at the end; End says which end.
  const etcdserverpb::SnapshotResponse* Read() {
    // Looked at here as well: a stream that flows never times out.
    if (deadline_.stop.stop_requested()) GiveUp(Status(Code::kCancelled, "cancelled"));
    if (!open_ || !given_up_.ok()) return nullptr;
    reader_->Read(&message_, this);
    open_ = Await();
    return open_ ? &message_ : nullptr;
  }

  // After Read returned nullptr: what we gave up for, else what the server said.
  Status End(bool tls) {
    Finish();
    if (!given_up_.ok()) return given_up_;
    return status_.ok() ? Status() : ToStatus(Classify(status_, tls));
  }

  // Why the server ended the stream; kOther if it did not, or well.
  Reason Refusal() const {
    return finished_ && !status_.ok() ? Classify(status_, false).reason : Reason::kOther;
  }

 private:
  // Waits for the one operation in flight and returns whether it succeeded. If it takes too long
  // the call is cancelled, upon which gRPC ends the operation at once.
  bool Await() {
    const SteadyTime patience = std::min(clock_.Steady() + idle_timeout_, deadline_.at);
    while (true) {
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, TimeAfter(kPoll)) != grpc::CompletionQueue::TIMEOUT) {
        return ok && given_up_.ok();
      }
      if (given_up_.ok()) GiveUpAfter(patience);
    }
  }

  void GiveUpAfter(SteadyTime patience) {
    if (deadline_.stop.stop_requested()) {
      GiveUp(Status(Code::kCancelled, "cancelled"));
    } else if (clock_.Steady() >= deadline_.at) {
      GiveUp(Status(Code::kDeadlineExceeded, "the snapshot did not end in time"));
    } else if (clock_.Steady() >= patience) {
      GiveUp(Status(Code::kDeadlineExceeded,
                    "the stream stalled: nothing arrived for " + FormatDuration(idle_timeout_)));
    }
  }

  void GiveUp(Status why) {
    given_up_ = std::move(why);
    context_.TryCancel();
  }

  void Finish() {
    if (std::exchange(finished_, true)) return;
    reader_->Finish(&status_, this);
    Await();
  }

  const Clock& clock_;
  const Milliseconds idle_timeout_;
  const Deadline deadline_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  etcdserverpb::SnapshotRequest request_;
  etcdserverpb::SnapshotResponse message_;
  std::unique_ptr<grpc::ClientAsyncReader<etcdserverpb::SnapshotResponse>> reader_;
  bool open_ = false;
  bool finished_ = false;
  grpc::Status status_;
  Status given_up_;
};

}  // namespace

Status StreamSnapshot(Connections& connections, const config::Endpoint& endpoint,
                      Milliseconds idle_timeout, const Deadline& deadline,
                      const SnapshotSink& sink) {
  Connection member(endpoint, connections.dialer.Dial(endpoint));
  for (bool may_authenticate = true;; may_authenticate = false) {
    const std::uint64_t generation = connections.tokens.Current().generation;
    Stream stream(connections, member, idle_timeout, deadline);
    while (const etcdserverpb::SnapshotResponse* message = stream.Read()) {
      may_authenticate = false;  // what the sink has seen must not begin anew
      WARDEN_RETURN_IF_ERROR(sink(SnapshotChunk{.remaining_bytes = message->remaining_bytes(),
                                                .blob = message->blob(),
                                                .version = message->version()}));
    }
    Status end = stream.End(endpoint.tls);
    if (end.ok() || !may_authenticate || !connections.tokens.MayHelp(stream.Refusal(), generation))
      return end;
    switch (connections.tokens.RefusedWaiting(generation, deadline.at)) {
      case TokenCache::Advice::kGiveUp:
        return end;
      case TokenCache::Advice::kAuthenticate:
        WARDEN_RETURN_IF_ERROR(Authenticate(connections, member, deadline));
        break;
      case TokenCache::Advice::kRetry:
        break;
    }
  }
}

}  // namespace warden::etcd
