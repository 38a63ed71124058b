// Pure text: durations, sizes, times, ids. Nothing here depends on the locale or the time zone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/base/clock.h"
#include "exporter/base/result.h"

namespace warden {

// "15m", "1h30m", "500ms", "2d", "0": Prometheus' duration syntax (y, w, d, h, m, s, ms; each unit
// at most once, largest first). Negative, empty, unit-less non-zero or overflowing (above 100
// years) text is kInvalidArgument.
Result<Milliseconds> ParseDuration(std::string_view text);
// The shortest such text: 5400 s is "1h30m".
std::string FormatDuration(Milliseconds duration);

// "4096", "64KiB", "8GiB", "10MB" (B, kB/KB, MB, GB, TB decimal; KiB, MiB, GiB, TiB binary).
Result<std::uint64_t> ParseBytes(std::string_view text);
// Two significant figures after the unit step, as etcdctl prints sizes: "20 kB", "1.3 MB", "256
// MB".
std::string FormatBytes(std::uint64_t bytes);

// RFC 3339 in UTC with milliseconds: "2026-11-23T10:15:00.042Z".
std::string FormatTime(WallTime time);
// RFC 3339 with any offset and any number of fraction digits, as Go writes it.
Result<WallTime> ParseTime(std::string_view text);

// An etcd id as etcdctl prints it and as native metrics label it: lowercase hex without padding.
std::string FormatId(std::uint64_t id);
Result<std::uint64_t> ParseId(std::string_view hex);

// Every byte as two lowercase hex digits.
std::string FormatHex(std::span<const std::uint8_t> bytes);
std::string FormatHex(std::string_view bytes);

// The text with every invalid UTF-8 byte replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);
// One line, printable: control characters (newlines included) become spaces, length is cut at
// `bytes_max` with "...". For text from elsewhere that goes into a message.
std::string ToSingleLine(std::string_view text, std::size_t bytes_max = 512);

std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::string ToLower(std::string_view text);
// Whether the text consists of ASCII letters, digits and `extra`.
bool HasOnly(std::string_view text, std::string_view extra);

}  // namespace warden
