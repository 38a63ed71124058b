// Which connections hold one of the server's threads while they wait for their client, and the end
// of those that wait too long while threads are scarce. Without it a few hundred clients that send
// nothing, or one byte a second, would keep everybody else waiting.
#pragma once

#include <map>
#include <thread>

#include "exporter/base/clock.h"
#include "exporter/base/mutex.h"

struct mg_connection;

namespace warden::http {

// Thread-safe. A thread of its own shuts sockets down; it sleeps while a quarter of the server's
// threads is free.
class Connections {
 public:
  // For a client that has yet to send a request: its header is on the way at once, or it is none of
  // whom we wait for. For one that takes a piece of its answer (64 KiB): it may be far away, and
  // keeps its connection for as long as it goes on reading.
  static constexpr Milliseconds kRequestPatience{20};
  static constexpr Milliseconds kAnswerPatience{200};

  explicit Connections(int threads);
  ~Connections();
  Connections(const Connections&) = delete;
  Connections& operator=(const Connections&) = delete;

  // A thread has taken the connection up and waits for its client, with kRequestPatience. Nothing
  // happens if it has said so before: a client must not prolong its time by a new handshake.
  void Begin(const mg_connection* connection, int socket);
  // The thread waits for the client; after `patience` the socket may be shut down.
  void Wait(const mg_connection* connection, Milliseconds patience);
  // The thread works: whatever it takes, the connection is left alone.
  void Work(const mg_connection* connection);
  // The thread is done with the connection. Call it while the socket is open: its number will soon
  // be another's.
  void End(const mg_connection* connection);

 private:
  struct Entry {
    int socket;
    bool waits;
    bool shut;
    SteadyTime patient_until;
  };

  void Run();
  // Whether fewer threads are free than should be, once the sockets shut down have freed theirs.
  int Missing() const WARDEN_REQUIRES(mutex_);
  // The one of those that wait whose patience ends first, or nullptr.
  Entry* First() WARDEN_REQUIRES(mutex_);

  const int threads_;
  const int reserve_;
  const SystemClock clock_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ WARDEN_GUARDED_BY(mutex_) = false;
  std::map<const mg_connection*, Entry> entries_ WARDEN_GUARDED_BY(mutex_);
  std::thread keeper_;  // the last member: it uses the others
};

}  // namespace warden::http
