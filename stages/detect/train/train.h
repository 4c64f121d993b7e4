// gala-detect train: warms up the models of the stage from history.
#pragma once

namespace gala::detect {

/// An offline mode (runtime/core/stage_options.h). Exit code 2 also when the history is empty.
int train_main(int argc, char** argv);

}  // namespace gala::detect
