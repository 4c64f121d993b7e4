// gala-detect: see detect.h.
#include "stages/detect/detect.h"

int main(int argc, char** argv) { return gala::stage_main<gala::Detect>(argc, argv); }
