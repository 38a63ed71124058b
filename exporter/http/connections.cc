#include "exporter/http/connections.h"

#include <sys/socket.h>

namespace warden::http {

Connections::Connections(int threads)
    : threads_(threads), reserve_(threads / 4), keeper_([this] { Run(); }) {}

Connections::~Connections() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  keeper_.join();
}

void Connections::Begin(const mg_connection* connection, int socket) {
  const SteadyTime patient_until = clock_.Steady() + kRequestPatience;
  MutexLock lock(mutex_);
  entries_.try_emplace(connection, Entry{socket, true, false, patient_until});
  if (Missing() > 0) changed_.NotifyAll();
}

void Connections::Wait(const mg_connection* connection, Milliseconds patience) {
  const SteadyTime patient_until = clock_.Steady() + patience;
  MutexLock lock(mutex_);
  const auto entry = entries_.find(connection);
  if (entry == entries_.end()) return;
  entry->second.waits = true;
  entry->second.patient_until = patient_until;
  if (Missing() > 0) changed_.NotifyAll();
}

void Connections::Work(const mg_connection* connection) {
  MutexLock lock(mutex_);
  const auto entry = entries_.find(connection);
  if (entry != entries_.end()) entry->second.waits = false;
}

void Connections::End(const mg_connection* connection) {
  MutexLock lock(mutex_);
  entries_.erase(connection);
}

int Connections::Missing() const {
  int held = 0;
  for (const auto& [connection, entry] : entries_) held += entry.shut ? 0 : 1;
  return reserve_ - (threads_ - held);
}

Connections::Entry* Connections::First() {
  Entry* first = nullptr;
  for (auto& [connection, entry] : entries_) {
    if (!entry.waits || entry.shut) continue;
    if (first == nullptr || entry.patient_until < first->patient_until) first = &entry;
  }
  return first;
}

void Connections::Run() {
  MutexLock lock(mutex_);
  while (!stopping_) {
    Entry* const first = Missing() > 0 ? First() : nullptr;
    if (first == nullptr) {
      changed_.Wait(mutex_);
    } else if (first->patient_until > clock_.Steady()) {
      changed_.WaitUntil(mutex_, first->patient_until);
    } else {
      // Under the mutex, so that the socket is still this connection's. The call does not block.
      shutdown(first->socket, SHUT_RDWR);
      first->shut = true;
    }
  }
}

}  // namespace warden::http
