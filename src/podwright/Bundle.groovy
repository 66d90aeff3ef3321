package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'adbdbb093964e8c20271e33da4af197ab1bfc6ee246a3b9bc465b7a2d4c5197f'
  static final String JOBS_SUM = '1e8008b7a4c9068b81551825f71573729dfcfe6f1cc99d5c8b9125a4350b1d74'

  private static final long serialVersionUID = 1L
}
