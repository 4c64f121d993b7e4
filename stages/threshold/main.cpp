// gala-threshold: see threshold.h.
#include "stages/threshold/threshold.h"

int main(int argc, char** argv) { return gala::stage_main<gala::Threshold>(argc, argv); }
