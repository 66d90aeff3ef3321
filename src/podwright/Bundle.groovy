package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'af1c781c1b9deb97e2a6c5aca9101003cce66b9d4149dc558b987d54debc7bb6'
  static final String JOBS_SUM = '1e49ad98c5924f0bf20e3877336e42808d7d815da71800ffb6b8e07bc43051b6'

  private static final long serialVersionUID = 1L
}
