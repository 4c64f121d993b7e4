// docs/reference/*.md, generated: stages, pipelines, entities, probes.
#pragma once

#include <span>
#include <vector>

#include "runtime/cli/deployment.h"
#include "runtime/cli/probe_info.h"
#include "runtime/core/describe.h"
#include "runtime/model/model.h"

namespace gala {

/// stages.md, pipelines.md, entities.md and probes.md. Equal inputs give equal bytes.
std::vector<RenderedFile> reference_pages(std::span<const StageDescriptionFile> stages,
                                          const Model& model, std::span<const ProbeInfo> probes);

}  // namespace gala
