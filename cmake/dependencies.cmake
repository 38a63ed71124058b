# Every library comes from Debian packages, civetweb from its Debian source package: see deploy/dependencies.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(CRYPT REQUIRED IMPORTED_TARGET libxcrypt)
find_program(WARDEN_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

# The packaged civetweb binary cannot serve TLS with OpenSSL 3 and has no IPv6, so its source is built here.
set(WARDEN_CIVETWEB_DIR ${PROJECT_SOURCE_DIR}/build/dependencies/civetweb
    CACHE PATH "The unpacked Debian source package of civetweb")
if(NOT EXISTS ${WARDEN_CIVETWEB_DIR}/src/civetweb.c)
  message(FATAL_ERROR "No civetweb source in ${WARDEN_CIVETWEB_DIR}: run ./deploy/dependencies first.")
endif()
# civetweb_socket.c is civetweb.c with one function more.
add_library(warden_civetweb STATIC ${PROJECT_SOURCE_DIR}/exporter/http/civetweb_socket.c)
target_include_directories(warden_civetweb SYSTEM PUBLIC ${WARDEN_CIVETWEB_DIR}/include)
target_include_directories(warden_civetweb PRIVATE ${WARDEN_CIVETWEB_DIR}/src)
target_compile_definitions(warden_civetweb PUBLIC OPENSSL_API_3_0 NO_SSL_DL USE_IPV6 NO_CGI NO_FILES NO_CACHING)
# STOP_FLAG_NEEDS_LOCK makes the flag that ends its threads atomic instead of volatile; the quantum is how
# often they look at it (by default every 2 s, and each shutdown would wait that long).
target_compile_definitions(warden_civetweb PRIVATE STOP_FLAG_NEEDS_LOCK SOCKET_TIMEOUT_QUANTUM=100)
target_link_libraries(warden_civetweb PUBLIC OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
target_compile_options(warden_civetweb PRIVATE -w)
