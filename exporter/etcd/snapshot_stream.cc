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
// For the first message. A server sends it at once, unless it defragments: then it would hold the
// stream, and the stream its writes.
constexpr Milliseconds kOpenTimeout{10'000};

// One streaming call, read message by message with a limit on each wait; a completion queue of its
// own gives a blocking read with a time-out, which the other gRPC interfaces do not have.
class Stream {
 public:
  Stream(const Clock& clock, const Token& token, Connection& member, Milliseconds idle_timeout,
         const Deadline& deadline)
      : clock_(clock), idle_timeout_(idle_timeout), deadline_(deadline) {
    Prepare(context_, deadline.at - clock_.Steady(), token.text);
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
    if (deadline_.stop.stop_requested()) GiveUp({Reason::kCanceled, Code::kCancelled, "cancelled"});
    if (!open_ || given_up_) return nullptr;
    reader_->Read(&message_, this);
    open_ = Await();
    begun_ = begun_ || open_;
    return open_ ? &message_ : nullptr;
  }

  // After Read returned nullptr: what we gave up for, else what the server said.
  std::optional<RpcError> End(bool tls) {
    Finish();
    if (given_up_ || status_.ok()) return given_up_;
    return Classify(status_, tls);
  }

 private:
  // Waits for the one operation in flight and returns whether it succeeded. If it takes too long
  // the call is cancelled, upon which gRPC ends the operation at once.
  bool Await() {
    const SteadyTime patience = std::min(clock_.Steady() + Patience(), deadline_.at);
    while (true) {
      void* tag = nullptr;
      bool ok = false;
      if (queue_.AsyncNext(&tag, &ok, TimeAfter(kPoll)) != grpc::CompletionQueue::TIMEOUT) {
        return ok && !given_up_;
      }
      if (!given_up_) GiveUpAfter(patience);
    }
  }

  void GiveUpAfter(SteadyTime patience) {
    if (deadline_.stop.stop_requested()) {
      GiveUp({Reason::kCanceled, Code::kCancelled, "cancelled"});
    } else if (clock_.Steady() >= deadline_.at) {
      GiveUp(TimedOut("the snapshot did not end in time"));
    } else if (clock_.Steady() >= patience) {
      GiveUp(TimedOut((begun_ ? "the stream stalled: nothing arrived for "
                              : "the stream did not begin (is the member defragmenting?) within ") +
                      FormatDuration(Patience())));
    }
  }

  Milliseconds Patience() const {
    return begun_ ? idle_timeout_ : std::min(idle_timeout_, kOpenTimeout);
  }

  static RpcError TimedOut(const std::string& message) {
    return {Reason::kTimeout, Code::kDeadlineExceeded, message};
  }

  void GiveUp(RpcError why) {
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
  bool begun_ = false;  // a message has come
  bool finished_ = false;
  grpc::Status status_;
  std::optional<RpcError> given_up_;
};

}  // namespace

std::optional<RpcError> StreamSnapshot(Connections& connections, const config::Endpoint& endpoint,
                                       Milliseconds idle_timeout, const Deadline& deadline,
                                       const SnapshotSink& sink) {
  const std::shared_ptr<Connection> member = connections.Dial(endpoint);
  TokenCache& tokens = connections.backup_tokens();
  Retries retries(connections, tokens, *member, deadline);
  while (true) {
    const Token token = tokens.Current();
    Stream stream(connections.clock(), token, *member, idle_timeout, deadline);
    bool begun = false;
    while (const etcdserverpb::SnapshotResponse* message = stream.Read()) {
      begun = true;
      const Status taken = sink(SnapshotChunk{.remaining_bytes = message->remaining_bytes(),
                                              .blob = message->blob(),
                                              .version = message->version()});
      if (!taken.ok()) return RpcError{Reason::kOther, taken.code(), taken.message()};
    }
    std::optional<RpcError> end = stream.End(endpoint.tls);
    if (!end) return std::nullopt;
    connections.memory().SawFailure(end->reason);
    // What the sink has seen must not begin anew.
    if (begun || !retries.Again(token, *end)) return end;
  }
}

}  // namespace warden::etcd
