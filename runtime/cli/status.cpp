// Status messages → the newest of each stage.
#include "runtime/cli/status.h"

#include "runtime/core/wire.h"

namespace gala {

Result<StatusReader> StatusReader::open(const RunningPipeline& pipeline) {
  return StatusReader(TRY(Subscription::open(pipeline.status_endpoints, {})));
}

void StatusReader::collect(Duration limit, const std::function<bool()>& done) {
  const BootTime deadline = current_instant().boot + limit;
  for (BootTime now = current_instant().boot; now < deadline; now = current_instant().boot) {
    const auto message = subscription_.next(deadline - now);
    if (!message) {
      return;
    }
    const auto frame = open_frame(message->topic, message->header, message->payload);
    if (!frame || frame->envelope.type != wire::MessageType::stage_status) {
      ++invalid_;
      continue;
    }
    wire::StageStatusT status;
    flatbuffers::GetRoot<wire::StageStatus>(frame->payload.data())->UnPackTo(&status);
    newest_.insert_or_assign(status.stage, std::move(status));
    if (done()) {
      return;
    }
  }
}

}  // namespace gala
