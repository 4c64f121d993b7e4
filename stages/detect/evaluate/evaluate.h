// gala-detect evaluate: the detector of the stage over series with a training part.
#pragma once

namespace gala::detect {

/// An offline mode (runtime/core/stage_options.h).
int evaluate_main(int argc, char** argv);

}  // namespace gala::detect
