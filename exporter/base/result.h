// Expected failures as values. `Status` is a code and a message; `Result<T>` is either a T or the
// Status that says why there is none (the shape of std::expected, which g++ 12 does not have).
//
// The codes are numbered as gRPC's, so an etcd answer converts without a table. A message reads
// from the outermost action inwards ("back up cluster prod: write /x/y.partial: No space left on
// device"); each layer adds its own part with WithContext on the way up. Values only: no thread
// rules.
#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace warden {

enum class Code : int {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

class [[nodiscard]] Status {
 public:
  // Success.
  Status() = default;
  // A failure. `code` is never kOk; `message` is one line, without a trailing full stop.
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {
    assert(code != Code::kOk);
  }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // The same failure, its message prefixed with "context: ". Success stays success.
  Status WithContext(std::string_view context) && {
    if (!ok()) message_ = std::string(context) + ": " + message_;
    return std::move(*this);
  }
  Status WithContext(std::string_view context) const& { return Status(*this).WithContext(context); }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor): as expected
  Result(Status status) : state_(std::move(status)) {  // NOLINT(google-explicit-constructor): same
    assert(!std::get<Status>(state_).ok());
  }

  bool ok() const { return std::holds_alternative<T>(state_); }
  // The failure, or success if there is a value.
  Status status() const { return ok() ? Status() : std::get<Status>(state_); }
  // The failure itself; only when !ok().
  const Status& error() const { return std::get<Status>(state_); }

  T& operator*() & { return std::get<T>(state_); }
  const T& operator*() const& { return std::get<T>(state_); }
  // By value, so that `for (x : *List())` does not loop over what has already gone.
  T operator*() && { return std::get<T>(std::move(state_)); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }

  Result WithContext(std::string_view context) && {
    if (ok()) return std::move(*this);
    return std::get<Status>(std::move(state_)).WithContext(context);
  }

 private:
  std::variant<Status, T> state_;
};

}  // namespace warden

#define WARDEN_CONCAT_INNER(a, b) a##b
#define WARDEN_CONCAT(a, b) WARDEN_CONCAT_INNER(a, b)

// Leaves the function with the failure of `expression`, a Status.
#define WARDEN_RETURN_IF_ERROR(expression)         \
  do {                                             \
    ::warden::Status warden_status = (expression); \
    if (!warden_status.ok()) return warden_status; \
  } while (false)

// Declares or assigns `target` from `expression`, a Result, or leaves the function with its
// failure.
#define WARDEN_ASSIGN_OR_RETURN(target, expression) \
  WARDEN_ASSIGN_OR_RETURN_AS(target, expression, WARDEN_CONCAT(warden_result_, __LINE__))
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration and a name cannot stand in parentheses.
#define WARDEN_ASSIGN_OR_RETURN_AS(target, expression, name) \
  auto name = (expression);                                  \
  if (!name.ok()) return name.error();                       \
  target = *std::move(name)
// NOLINTEND(bugprone-macro-parentheses)
