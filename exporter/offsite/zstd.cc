#include "exporter/offsite/zstd.h"

#include <zstd.h>

#include <utility>

namespace warden::offsite {
namespace {

// Enough to keep ahead of most disks and networks, and few enough beside an etcd.
constexpr int kWorkers = 2;
// The window that a frame may ask of us, as a power of two: 128 MiB, what `zstd -d` allows too.
constexpr int kWindowLogMax = 27;

Status Damaged(std::size_t error) {
  return {Code::kDataLoss, std::string("no zstd file, or damaged: ") + ZSTD_getErrorName(error)};
}

}  // namespace

void Compressor::Free::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}

Compressor::Compressor(int level, std::uint64_t content_bytes, Source source)
    : context_(ZSTD_createCCtx()), source_(std::move(source)), buffer_(ZSTD_CStreamOutSize()) {
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  // Refused by a library that was built without threads, which then uses ours.
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_nbWorkers, kWorkers);
  ZSTD_CCtx_setPledgedSrcSize(context_.get(), content_bytes);
}

Result<std::span<const std::byte>> Compressor::Next() {
  ZSTD_outBuffer out{.dst = buffer_.data(), .size = buffer_.size(), .pos = 0};
  while (out.pos == 0 && !ended_) {
    if (piece_.empty() && !source_ended_) {
      WARDEN_ASSIGN_OR_RETURN(piece_, source_());
      source_ended_ = piece_.empty();
    }
    ZSTD_inBuffer in{.src = piece_.data(), .size = piece_.size(), .pos = 0};
    const SteadyTime started = SystemClock().Steady();
    const std::size_t left = ZSTD_compressStream2(context_.get(), &out, &in,
                                                  source_ended_ ? ZSTD_e_end : ZSTD_e_continue);
    duration_ += SystemClock().Steady() - started;
    if (ZSTD_isError(left) != 0) {
      return Status(Code::kInternal, std::string("compress: ") + ZSTD_getErrorName(left));
    }
    piece_ = piece_.subspan(in.pos);
    ended_ = source_ended_ && left == 0;
  }
  return std::span<const std::byte>(buffer_).first(out.pos);
}

void Decompressor::Free::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

Decompressor::Decompressor(Sink sink)
    : context_(ZSTD_createDCtx()), sink_(std::move(sink)), buffer_(ZSTD_DStreamOutSize()) {
  ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLogMax);
}

Status Decompressor::Add(std::span<const std::byte> bytes) {
  ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
  bool more = !bytes.empty();
  while (more) {
    ZSTD_outBuffer out{.dst = buffer_.data(), .size = buffer_.size(), .pos = 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return Damaged(left);
    whole_ = left == 0;
    if (out.pos > 0) WARDEN_RETURN_IF_ERROR(sink_(std::span(buffer_).first(out.pos)));
    // A full buffer may mean that there is more inside, but not after the end of a frame.
    more = in.pos < in.size || (out.pos == out.size && !whole_);
  }
  return {};
}

Status Decompressor::Finish() const {
  if (whole_) return {};
  return {Code::kDataLoss, "no zstd file, or cut short"};
}

}  // namespace warden::offsite
