// gala-detect: see detect.h.
#include "runtime/model/stage_main.h"
#include "stages/detect/detect.h"

int main(int argc, char** argv) { return gala::stage_main<gala::detect::Detect>(argc, argv); }
