// gala-threshold: see threshold.h.
#include "runtime/model/stage_main.h"
#include "stages/threshold/threshold.h"

int main(int argc, char** argv) { return gala::stage_main<gala::threshold::Threshold>(argc, argv); }
