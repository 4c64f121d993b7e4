// gala-dedup: see dedup.h.
#include "runtime/model/stage_main.h"
#include "stages/dedup/dedup.h"

int main(int argc, char** argv) { return gala::stage_main<gala::dedup::Dedup>(argc, argv); }
