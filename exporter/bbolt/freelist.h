// The list of free pages, where the file has one: etcd writes none, other programs and very old
// versions do.
#pragma once

#include "exporter/bbolt/database.h"
#include "exporter/bbolt/findings.h"
#include "exporter/bbolt/page_set.h"

namespace warden::bbolt {

// After a walk over all buckets: with a list, each page is either reached or free, and never both.
// A violation is a finding. `seen` are the pages that the walk reached; those of the list are
// added. Without a list, whatever was not reached is free.
void CheckFreelist(const Database& database, PageSet& seen, Findings& findings);

}  // namespace warden::bbolt
