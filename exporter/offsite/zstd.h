// zstd as streams: what is pulled comes compressed, what is pushed goes on unpacked. Memory is
// bounded whatever the file: a few times the window of the level, which is 8 MiB at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace warden::offsite {

// The next piece, valid until the next call; an empty one is the end.
using Source = std::function<Result<std::span<const std::byte>>()>;
using Sink = std::function<Status(std::span<const std::byte>)>;

// One frame with a checksum and the size of its content, which the source has to keep to. Not
// thread-safe.
class Compressor {
 public:
  // Levels 1 to 19.
  Compressor(int level, std::uint64_t content_bytes, Source source);

  // The next piece of the frame; empty once it is whole.
  Result<std::span<const std::byte>> Next();
  // How long compressing itself has taken.
  Nanoseconds duration() const { return duration_; }

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const;
  };
  const std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  const Source source_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> piece_;  // of the source, not yet compressed
  bool source_ended_ = false;
  bool ended_ = false;
  Nanoseconds duration_{};
};

// Whole frames, as many as there are. Not thread-safe.
class Decompressor {
 public:
  explicit Decompressor(Sink sink);

  // kDataLoss if this is not zstd, or damaged; or the failure of the sink.
  Status Add(std::span<const std::byte> bytes);
  // kDataLoss if the last frame is not whole, or there was none.
  Status Finish() const;

 private:
  struct Free {
    void operator()(ZSTD_DCtx_s* context) const;
  };
  const std::unique_ptr<ZSTD_DCtx_s, Free> context_;
  const Sink sink_;
  std::vector<std::byte> buffer_;
  bool whole_ = false;
};

}  // namespace warden::offsite
