# Linear algebra is linked by this stage alone.
find_package(Eigen3 REQUIRED NO_MODULE)
target_link_libraries(stage_detect PUBLIC Eigen3::Eigen)
# With its macros: the layout of its classes depends on them.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
target_link_libraries(stage_detect_train PUBLIC PkgConfig::HTTPLIB)
target_link_libraries(stage_detect_evaluate PRIVATE evaluation)
