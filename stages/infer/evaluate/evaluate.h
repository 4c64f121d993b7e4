// gala-infer evaluate: explains every case of a folder and writes the answers.
#pragma once

namespace gala::infer {

/// An offline mode (runtime/core/stage_options.h).
int evaluate_main(int argc, char** argv);

}  // namespace gala::infer
