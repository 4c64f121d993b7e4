// A pipeline as the configuration of what supervises it: supervisord or systemd.
#pragma once

#include <string>
#include <vector>

#include "runtime/core/graph.h"

namespace gala {

/// Where things are on the host that will run it. All paths absolute.
struct DeploymentPaths {
  std::string pipeline_file;
  std::string program_directory;
  std::string share_directory;
  std::string run_directory;
  std::string state_directory;
};

struct Deployment {
  DeploymentPaths paths;
  /// Stages that need no privilege run as this user; "" = everything runs as whoever starts it.
  /// Sockets are then shared through the group of the same name.
  std::string user;
};

struct RenderedFile {
  std::string name;
  std::string text;
};

/// One configuration file: supervisord itself and a program for each stage. Stages start in any
/// order, are restarted whatever kills them, and are not restarted when they end by themselves
/// (exit 0: a replay is over; exit 2: the configuration is wrong).
RenderedFile render_supervisord(const Pipeline& pipeline, const StageCatalog& catalog,
                                const Deployment& deployment);

/// A unit for each stage and a target for all of them.
std::vector<RenderedFile> render_systemd(const Pipeline& pipeline, const StageCatalog& catalog,
                                         const Deployment& deployment);

}  // namespace gala
