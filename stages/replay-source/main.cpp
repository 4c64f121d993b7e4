// gala-replay-source: recordings, played back.
#include "runtime/model/stage_main.h"
#include "stages/replay-source/replay_source.h"

int main(int argc, char** argv) {
  return gala::stage_main<gala::replay_source::ReplaySource>(argc, argv);
}
