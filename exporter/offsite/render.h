// The families of the off-site copies, from what is on disk now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "exporter/backup/manifest.h"
#include "exporter/metrics/page.h"
#include "exporter/offsite/store.h"

namespace warden::offsite {

// A destination as it is known.
struct DestinationSubject {
  std::string name;
  CopyState state;
  std::vector<backup::Manifest> copies;  // newest first
  std::size_t pending = 0;               // verified backups that are here and not there
};

// Pure. What never happened is 0; whether the destination is up is absent until it was tried.
void Render(metrics::Page& page, const std::string& cluster,
            const std::vector<DestinationSubject>& destinations);

}  // namespace warden::offsite
