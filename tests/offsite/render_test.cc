// What a scrape says of the copies.
#include "exporter/offsite/render.h"

#include <gtest/gtest.h>

#include "tests/backup/backups.h"
#include "tests/support/golden.h"

namespace warden::offsite {
namespace {

backup::Manifest Copy(int n, std::uint64_t bytes) {
  backup::Manifest copy = backup::MakeManifest(backup::IdOfBackup(n), backup::SnapshotFile());
  copy.created = backup::kNow + Seconds(n);
  copy.stored = backup::StoredForm{.file = copy.file, .size_bytes = bytes, .sha256 = copy.sha256};
  return copy;
}

TEST(CopyPages, OneThatIsUpOneThatIsDownAndOneNeverTried) {
  const WallTime now = backup::kNow + Seconds(100);
  metrics::Page page;
  Render(page, "prod",
         {{.name = "s3-eu",
           .state = {.last_attempt = now, .last_success = now},
           .copies = {Copy(20, 700), Copy(10, 300)}},
          {.name = "tape",
           .state = {.last_attempt = now, .failures = 2, .error = "no route"},
           .pending = 2},
          {.name = "vault"}});
  testing::ExpectGoldenPage("copies", page.Text());
}

}  // namespace
}  // namespace warden::offsite
