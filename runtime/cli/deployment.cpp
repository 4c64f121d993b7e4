// Renders supervisord and systemd files from a pipeline.
#include "runtime/cli/deployment.h"

#include <algorithm>
#include <string_view>

namespace gala {
namespace {

/// How each supervisor wants characters that mean something to it.
struct Quoting {
  /// Doubled: '%' in both, '$' in systemd.
  std::string_view doubled;
};
constexpr Quoting supervisord_quoting{"%"};
constexpr Quoting systemd_quoting{"%$"};

std::string escaped(std::string_view text, Quoting quoting) {
  std::string out;
  for (const char character : text) {
    out.append(quoting.doubled.find(character) == std::string_view::npos ? 1 : 2, character);
  }
  return out;
}

/// One argument of a command line; quoted where it has to be.
std::string argument(std::string_view text, Quoting quoting) {
  const std::string plain = escaped(text, quoting);
  if (plain.find_first_of(" \t\"'\\;#") == std::string::npos && !plain.empty()) {
    return plain;
  }
  std::string out = "\"";
  for (const char character : plain) {
    if (character == '"' || character == '\\') {
      out.push_back('\\');
    }
    out.push_back(character);
  }
  return out + "\"";
}

std::string command_line(const StageNode& node, const DeploymentPaths& paths, Quoting quoting) {
  std::string line = argument(paths.program_directory + "/gala-" + node.run, quoting);
  const auto add = [&](std::string_view option, std::string_view value) {
    line.append(" ").append(option).append(" ").append(argument(value, quoting));
  };
  add("--pipeline", paths.pipeline_file);
  add("--stage", node.name);
  add("--run-dir", paths.run_directory);
  add("--state-dir", paths.state_directory);
  add("--share-dir", paths.share_directory);
  return line;
}

bool needs_privilege(const StageNode& node, const StageCatalog& catalog) {
  const auto found = catalog.find(node.run);
  // A stage that is not known here may need anything.
  return found == catalog.end() || !found->second.needs.empty();
}

/// Whether this stage runs as the deployment's own user.
bool runs_as_user(const StageNode& node, const StageCatalog& catalog,
                  const Deployment& deployment) {
  return !deployment.user.empty() && !needs_privilege(node, catalog);
}

std::string supervisord_head(const Pipeline& pipeline, const Deployment& deployment) {
  const DeploymentPaths& paths = deployment.paths;
  const std::string run = escaped(paths.run_directory + "/" + pipeline.name, supervisord_quoting);
  const std::string state =
      escaped(paths.state_directory + "/" + pipeline.name, supervisord_quoting);
  std::string out = "; Written by `gala deploy supervisord " + paths.pipeline_file +
                    "`; change the pipeline file instead.\n";
  const std::string mode = deployment.user.empty() ? "0750 " : "2770 -g " + deployment.user + " ";
  out.append("; gala run makes these directories; by hand: install -d -m ").append(mode);
  out.append(run).append(" ").append(state).append("/log\n");
  out.append("[supervisord]\nlogfile=").append(state).append("/log/supervisord.log\n");
  out.append("logfile_maxbytes=10MB\nlogfile_backups=2\nloglevel=info\npidfile=").append(run);
  out.append("/supervisord.pid\nchildlogdir=").append(state).append("/log\nnodaemon=false\n");
  out.append(deployment.user.empty() ? "" : "umask=007\n");
  out.append("\n[unix_http_server]\nfile=").append(run).append("/supervisor.sock\nchmod=0700\n");
  out.append("\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=");
  out.append("supervisor.rpcinterface:make_main_rpcinterface\n");
  out.append("\n[supervisorctl]\nserverurl=unix://").append(run).append("/supervisor.sock\n");
  return out;
}

std::string unit_name(const Pipeline& pipeline, const StageNode& node) {
  return "gala-" + pipeline.name + "-" + node.name + ".service";
}

std::string target_name(const Pipeline& pipeline) { return "gala-" + pipeline.name + ".target"; }

/// What both kinds of stage are denied. The kernel's own files stay visible: sources read them.
constexpr std::string_view systemd_limits =
    "NoNewPrivileges=yes\nProtectSystem=strict\nProtectHome=read-only\nPrivateTmp=yes\n"
    "ProtectClock=yes\nRestrictRealtime=yes\nRestrictSUIDSGID=yes\nLockPersonality=yes\n";
/// Stages that need no privilege lose more.
constexpr std::string_view systemd_unprivileged_limits =
    "CapabilityBoundingSet=\nPrivateDevices=yes\nProtectKernelModules=yes\n"
    "ProtectKernelTunables=yes\nProtectControlGroups=yes\nRestrictNamespaces=yes\n";

std::string systemd_unit(const Pipeline& pipeline, const StageNode& node,
                         const StageCatalog& catalog, const Deployment& deployment) {
  const DeploymentPaths& paths = deployment.paths;
  const std::string directories =
      argument(paths.run_directory + "/" + pipeline.name, systemd_quoting) + " " +
      argument(paths.state_directory + "/" + pipeline.name, systemd_quoting);
  const auto described = catalog.find(node.run);
  std::string out = "# Written by `gala deploy systemd " + paths.pipeline_file +
                    "`; change the pipeline file instead.\n[Unit]\nDescription=gala " +
                    pipeline.name + "/" + node.name;
  if (described != catalog.end()) {
    out.append(": ").append(escaped(described->second.about, systemd_quoting));
  }
  out.append("\nPartOf=").append(target_name(pipeline));
  // Crash-only: restarting is cheap and never given up.
  out.append("\nStartLimitIntervalSec=0\n\n[Service]\nType=exec\n");
  const bool own_user = runs_as_user(node, catalog, deployment);
  const std::string group = deployment.user.empty() ? "" : " -g " + deployment.user;
  out.append("ExecStartPre=+/usr/bin/install -d -m ").append(group.empty() ? "0750" : "2770");
  out.append(group).append(" ").append(directories).append("\n");
  out.append("ExecStart=").append(command_line(node, paths, systemd_quoting)).append("\n");
  if (!deployment.user.empty()) {
    out.append("User=").append(own_user ? deployment.user : "root").append("\n");
    out.append("Group=").append(deployment.user).append("\nUMask=0007\n");
  }
  out.append("Restart=on-failure\nRestartPreventExitStatus=2\nRestartSec=1\nTimeoutStopSec=5\n");
  out.append(systemd_limits).append(own_user ? systemd_unprivileged_limits : "");
  // '-': made by ExecStartPre, after the unit's view of the file system is set up for the first
  // time.
  out.append("ReadWritePaths=-").append(argument(paths.run_directory, systemd_quoting));
  out.append(" -").append(argument(paths.state_directory, systemd_quoting));
  return out.append("\n\n[Install]\nWantedBy=").append(target_name(pipeline)).append("\n");
}

}  // namespace

RenderedFile render_supervisord(const Pipeline& pipeline, const StageCatalog& catalog,
                                const Deployment& deployment) {
  std::string out = supervisord_head(pipeline, deployment);
  const std::string log = escaped(deployment.paths.state_directory + "/" + pipeline.name + "/log/",
                                  supervisord_quoting);
  for (const StageNode& node : pipeline.stages) {
    out.append("\n[program:").append(node.name).append("]\ncommand=");
    out.append(command_line(node, deployment.paths, supervisord_quoting)).append("\n");
    if (runs_as_user(node, catalog, deployment)) {
      out.append("user=").append(deployment.user).append("\n");
    }
    out.append("autostart=true\nautorestart=unexpected\nexitcodes=0,2\n");
    // A stage drains within two seconds; what hangs longer is killed.
    out.append("startsecs=1\nstartretries=1000\nstopsignal=TERM\nstopwaitsecs=5\n");
    out.append("redirect_stderr=true\nstdout_logfile=").append(log).append(node.name);
    out.append(".log\nstdout_logfile_maxbytes=10MB\nstdout_logfile_backups=3\n");
  }
  return {pipeline.name + ".supervisord.conf", std::move(out)};
}

std::vector<RenderedFile> render_systemd(const Pipeline& pipeline, const StageCatalog& catalog,
                                         const Deployment& deployment) {
  std::vector<RenderedFile> files;
  std::string target = "[Unit]\nDescription=gala pipeline " + pipeline.name + "\n";
  for (const StageNode& node : pipeline.stages) {
    target.append("Wants=").append(unit_name(pipeline, node)).append("\n");
  }
  target.append("\n[Install]\nWantedBy=multi-user.target\n");
  files.push_back({target_name(pipeline), std::move(target)});
  for (const StageNode& node : pipeline.stages) {
    files.push_back({unit_name(pipeline, node), systemd_unit(pipeline, node, catalog, deployment)});
  }
  return files;
}

}  // namespace gala
