// gala-replay-source: recordings, played back.
#include "stages/replay-source/replay_source.h"

int main(int argc, char** argv) { return gala::stage_main<gala::ReplaySource>(argc, argv); }
