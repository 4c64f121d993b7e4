// The program gala-profile-source.
#include "stages/profile-source/profile_source.h"

int main(int argc, char** argv) { return gala::stage_main<gala::ProfileSource>(argc, argv); }
