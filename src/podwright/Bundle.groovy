package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'c1ab3f5300351fdbc1ca99d788f89f37253db77eadeeea70d7f935e2418bcb36'
  static final String JOBS_SUM = '1e49ad98c5924f0bf20e3877336e42808d7d815da71800ffb6b8e07bc43051b6'

  private static final long serialVersionUID = 1L
}
