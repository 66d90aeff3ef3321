package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'e4a82dd1807d183ad2aa02388ffa4b808d4ffe35e8900dbfdcab966e4444e3e1'
  static final String JOBS_SUM = '1e49ad98c5924f0bf20e3877336e42808d7d815da71800ffb6b8e07bc43051b6'

  private static final long serialVersionUID = 1L
}
