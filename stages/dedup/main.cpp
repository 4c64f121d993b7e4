// gala-dedup: see dedup.h.
#include "stages/dedup/dedup.h"

int main(int argc, char** argv) { return gala::stage_main<gala::Dedup>(argc, argv); }
