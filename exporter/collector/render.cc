#include "exporter/collector/render.h"

namespace warden::collector {

void Render(metrics::Page& page, const Subject& subject) {
  RenderReachability(page, subject);
  RenderMembers(page, subject);
  RenderCluster(page, subject);
  RenderCertificates(page, subject);
}

}  // namespace warden::collector
